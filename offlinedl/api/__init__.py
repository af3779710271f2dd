"""What applications build on, and the command line too. The names that they import stand in public.py."""
