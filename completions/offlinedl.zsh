#compdef offlinedl

_offlinedl_completion() {
  eval $(env _TYPER_COMPLETE_ARGS="${words[1,$CURRENT]}" _OFFLINEDL_COMPLETE=complete_zsh offlinedl)
}

compdef _offlinedl_completion offlinedl
