"""One flat script per loss. To change a loss, copy the script: none of them knows another."""
