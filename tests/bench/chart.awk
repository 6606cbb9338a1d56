# chart.awk - awk -v peers="NAME..." -f chart.awk SUMMARY: charts as one SVG. Each panel has a group of
# bars for each row and a bar for each peer; the best peer's bar is 1 in every group, shorter is better.

BEGIN {
    FS = "\t"
    peers_n = split(peers, peer, " ")
    split("#9aa5b1 #6b7c93 #b8a58c #8fa38f #d9480f", colour, " ")
    label_x = 330
    bar_x = 340
    bar_width = 420
    bar_height = 11
    width = bar_x + bar_width + 90
    y = 34
}

$1 == "row" {
    at[++rows] = $2 SUBSEP $3
    figure[rows] = $3
    title[rows] = $4
    figures_of[$2] = figures_of[$2] " " $3
}

$1 == "value" {
    key = $2 SUBSEP $3
    median[key, $4] = $5
    if ($4 !~ /^headstart/ && (!(key in best) || $5 < best[key]))
        best[key] = $5
}

function out(text) {
    body = body text "\n"
}

function escape(text) {
    gsub(/&/, "\\&amp;", text)
    gsub(/</, "\\&lt;", text)
    return text
}

function bar(x, of, name, i,    length_px, ratio) {
    ratio = x / of
    length_px = ratio * bar_width / 2.5
    if (length_px > bar_width)
        length_px = bar_width
    out(sprintf("<rect x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" fill=\"%s\"><title>%s: %s</title></rect>",
        bar_x, y, length_px, bar_height - 1, colour[i], name, x))
    out(sprintf("<text x=\"%.1f\" y=\"%d\" class=\"n\">%.2f</text>", bar_x + length_px + 4, y + 9, ratio))
    y += bar_height
}

function group(r,    i, top, key) {
    key = at[r]
    top = y
    for (i = 1; i <= peers_n; i++)
        if ((key, peer[i]) in median)
            bar(median[key, peer[i]], best[key], peer[i], i)
    out(sprintf("<text x=\"%d\" y=\"%d\" class=\"g\">%s</text>", label_x, (top + y) / 2 + 4,
        escape(title[r])))
    y += 8
}

function panel(wanted, text,    r, empty) {
    empty = 1
    for (r = 1; r <= rows; r++) {
        if (figure[r] != wanted || !(at[r] in best) || !((at[r], "headstart") in median))
            continue
        if (empty) {
            out(sprintf("<text x=\"10\" y=\"%d\" class=\"h\">%s</text>", y + 12, text))
            y += 24
        }
        empty = 0
        group(r)
    }
    y += empty ? 0 : 14
}

function legend(    i, x) {
    x = 10
    for (i = 1; i <= peers_n; i++) {
        out(sprintf("<rect x=\"%d\" y=\"10\" width=\"12\" height=\"12\" fill=\"%s\"/><text x=\"%d\" y=\"20\" class=\"l\">%s</text>",
            x, colour[i], x + 16, peer[i]))
        x += 110
    }
}

END {
    legend()
    panel("cpu_us", "CPU time of the proxy for each request; 1 is the best peer")
    panel("idle_kib", "Memory of an idle connection after a request; 1 is the best peer")
    panel("p50_us", "Latency, p50; 1 is the best peer")
    panel("p99_us", "Latency, p99; 1 is the best peer")
    printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" font-family=\"sans-serif\">\n", width, y
    print "<style>.h{font-size:14px;font-weight:bold}.l{font-size:12px}.g{font-size:11px;text-anchor:end}.n{font-size:9px;fill:#444}</style>"
    print "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>"
    printf "%s</svg>\n", body
}
