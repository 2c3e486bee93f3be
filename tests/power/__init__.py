"""Power cuts and failing disks, made from a recording of what a till wrote to its disk."""
