"""One file a kind of module; `driver.py` says what each must do."""
