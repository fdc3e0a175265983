"""The command `moviola`: a table of subcommands, each a function of a program that is loaded when it is called."""
