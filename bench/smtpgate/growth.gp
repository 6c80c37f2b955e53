# SPDX-License-Identifier: Apache-2.0
# Run by growth.py in build/bench: growth-history.tsv and growth-waiting.tsv into growth.svg.
set terminal svg size 900,420 font "sans,13" background "white"
set output "growth.svg"
set logscale x
set format x "10^{%L}"
set yrange [0:*]
set grid ytics
set key bottom right
set multiplot layout 1,2
set title "CPU per connection"
set xlabel "clients remembered"
set ylabel "µs"
plot "growth-history.tsv" using 1:2 with linespoints linewidth 2 pointtype 7 title "the mix", \
     "growth-history.tsv" using 1:3 with linespoints linewidth 2 pointtype 5 title "known good"
set title "A known-good client meanwhile"
set xlabel "clients in the waiting room"
set ylabel "CPU, µs"
set y2label "greeting p99, ms"
set ytics nomirror
set y2tics
set y2range [0:*]
plot "growth-waiting.tsv" using 1:2 with linespoints linewidth 2 pointtype 5 title "CPU", \
     "growth-waiting.tsv" using 1:3 axes x1y2 with linespoints lw 2 pointtype 9 title "greeting"
unset multiplot
