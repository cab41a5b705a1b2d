"""The bot without any account: a Discord in the browser and a Runware on this machine."""
