"""What the command line may ask, as JSON on the control socket."""
