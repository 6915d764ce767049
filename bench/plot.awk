# A CSV of group,series,value becomes an SVG of horizontal bars, one block for each group, in the order of the file.
# Variables: title, label (of the values), machine (they are of), limit (of the scale; 0: the largest value).

function text(x, y, attributes, s) {
	gsub(/&/, "\\&amp;", s)
	gsub(/</, "\\&lt;", s)
	printf "<text x=\"%.1f\" y=\"%.1f\" %s>%s</text>\n", x, y, attributes, s
}

function figure(v) { return v >= 100 ? sprintf("%.0f", v) : v >= 10 ? sprintf("%.1f", v) : sprintf("%.2f", v) }

BEGIN {
	split("#9aa5b1 #52606d #2f7ed8 #62b0ff #9fd0ff #e07b39 #b84a62 #5b8c5a", colour, " ")
	colours = 8
}

NR == 1 { next }

{
	if (!($1 in rows)) { groups[++group_count] = $1 }
	if (!($2 in number)) { series[++series_count] = $2; number[$2] = series_count }
	rows[$1]++
	value[$1, $2] = $3
	if ($3 > largest) largest = $3
}

END {
	bar = 13; gap = 14; left = 190; plot = 470; right = 70; top = 60
	legend = int((series_count + 3) / 4) * 18
	scale = limit > 0 && limit < largest ? limit : largest
	if (scale <= 0) scale = 1
	height = top + legend + 24
	for (g = 1; g <= group_count; g++) height += rows[groups[g]] * bar + gap
	width = left + plot + right
	printf "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" ", width, height, width, height
	print "font-family=\"sans-serif\" font-size=\"11\" fill=\"#1f2933\">"
	print "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>"
	text(12, 20, "font-size=\"14\" font-weight=\"bold\"", title)
	text(12, 36, "fill=\"#52606d\"", label)
	text(12, 50, "fill=\"#7b8794\" font-size=\"10\"", machine)
	for (s = 1; s <= series_count; s++) {
		x = 12 + (s - 1) % 4 * 180
		y = top + int((s - 1) / 4) * 18
		printf "<rect x=\"%d\" y=\"%d\" width=\"10\" height=\"10\" fill=\"%s\"/>\n", x, y, colour[(s - 1) % colours + 1]
		text(x + 15, y + 9, "", series[s])
	}
	step = 1
	while (scale / step > 12) step *= step ~ /^2/ ? 2.5 : 2
	while (scale / step < 4) step /= 2
	y0 = top + legend + 6
	for (v = 0; v <= scale * 1.0001; v += step) {
		x = left + v / scale * plot
		printf "<line x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\" stroke=\"#e4e7eb\"/>\n", x, y0, x, height - 16
		text(x, height - 4, "text-anchor=\"middle\" fill=\"#7b8794\"", sprintf("%g", v))
	}
	y = y0 + 4
	for (g = 1; g <= group_count; g++) {
		text(left - 8, y + rows[groups[g]] * bar / 2 + 4, "text-anchor=\"end\"", groups[g])
		for (s = 1; s <= series_count; s++) {
			if (!((groups[g], series[s]) in value)) continue
			v = value[groups[g], series[s]]
			shown = v > scale ? scale : v
			printf "<rect x=\"%d\" y=\"%.1f\" width=\"%.1f\" height=\"%d\" fill=\"%s\"/>\n", left, y, shown / scale * plot, bar - 2, colour[(s - 1) % colours + 1]
			text(left + shown / scale * plot + 4, y + bar - 4, "font-size=\"10\"", figure(v))
			y += bar
		}
		y += gap
	}
	print "</svg>"
}
