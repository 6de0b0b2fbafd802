# Sourced by scripts that run several others to the end, whatever fails on the way: `step COMMAND...` for each, then `finish NAME`.

failed=()
step() {
  printf '\n== %s\n' "$*"
  local start=$SECONDS
  "$@" || failed+=("$*")
  echo "($*: $((SECONDS - start)) s)"
}

# Says how it went; its status is that of the script.
finish() {
  if ((${#failed[@]} > 0)); then
    printf '\n%s failed (%d s):\n' "$1" "$SECONDS"
    printf '  %s\n' "${failed[@]}"
    return 1
  fi
  printf '\n%s passed (%d s)\n' "$1" "$SECONDS"
}
