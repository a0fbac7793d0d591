# The whole suite in three parts, each only when the one before passed: what is quick, then what is slow
# and may share the machine, on all cores; then what wants the machine for itself. Arguments are
# pytest's. Part of the tests may select none of a part (pytest's status 5), but not none of all. Property
# tests try all their examples.
set -u
py=.venv/bin/python
none=0

part() {
    $py -m pytest --hypothesis-profile=majordomo "$@"
    status=$?
    [ $status -eq 5 ] && none=$((none + 1)) && status=0
    [ $status -eq 0 ] || exit $status
}

part -n auto -m "not slow" "$@"
part -n auto --dist loadfile --no-loadscope-reorder -m "slow and not alone" "$@"
part -m alone "$@"
[ $none -lt 3 ] || exit 5
