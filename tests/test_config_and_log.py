"""The machine's few settings, and a log that keeps no token."""

from __future__ import annotations

import logging

import pytest

from posapp import config, log
from posapp.errors import ConfigError


def test_settings_are_written_and_read_back(tmp_path):
    made = config.TillConfig(
        tmp_path, module_address='serial:/dev/"x"', theme="dark", store_key="keyfile"
    )
    config.save(made)
    assert config.load(tmp_path) == made


def test_no_file_means_the_usual_settings(tmp_path):
    assert config.load(tmp_path) == config.TillConfig(tmp_path)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("[screen", "CONFIG_SYNTAX"),
        ('[screen]\ncolour = "red"', "CONFIG_FIELD"),
        ('[screen]\ntheme = "pink"', "CONFIG_VALUE"),
        ("[screen]\ntheme = 3", "CONFIG_FIELD"),
        ('theme = "dark"', "CONFIG_FIELD"),
    ],
)
def test_a_mistake_in_the_file_names_the_field(tmp_path, text, code):
    (tmp_path / config.FILE_NAME).write_text(text)
    with pytest.raises(ConfigError) as refusal:
        config.load(tmp_path)
    assert refusal.value.code == code


@pytest.mark.parametrize("token", ["52601815908301661318", "5260 1815 9083 0166 1318"])
def test_a_token_in_a_log_line_is_masked(token):
    record = logging.LogRecord(
        "x", logging.INFO, "", 0, "issued %s for 45123098761", (token,), None
    )
    log.MaskTokens().filter(record)
    text = record.getMessage()
    assert text == "issued ****1318 for 45123098761"
