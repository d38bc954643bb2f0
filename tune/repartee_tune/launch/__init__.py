"""Where a run takes place: launchers render arguments and files, the trainer checks what was started."""
