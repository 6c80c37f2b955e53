lassign $argv pattern blocks
set all {}
for {set i 0} {$i < $blocks} {incr i} {
    set block [string repeat x 10000]
    switch $pattern {
        ring { set ring([expr {$i % 1000}]) $block }
        take { lappend all $block }
    }
}
