# table.awk - awk -v peers="NAME..." -f table.awk SUMMARY: a table in Markdown, ours last. What is ours
# has a name that begins with headstart.

BEGIN {
    FS = "\t"
    n = split(peers, peer, " ")
    unit["cpu_us"] = "µs CPU a request"
    unit["p50_us"] = "p50, µs"
    unit["p99_us"] = "p99, µs"
    unit["open_kib"] = "KiB, nothing asked yet"
    unit["idle_kib"] = "KiB after a request"
    unit["instructions"] = "instructions a request"
    unit["calls"] = "system calls a request"
}

function number(x) {
    if (x >= 100)
        return sprintf("%.0f", x)
    return sprintf(x >= 10 ? "%.1f" : "%.2f", x)
}

$1 == "row" {
    at[++rows] = $2 SUBSEP $3
    figure[rows] = $3
    title[rows] = $4
    goal[rows] = $5
    other[rows] = $6
}

$1 == "value" {
    name = $4
    key = $2 SUBSEP $3
    if (name ~ /^headstart/)
        ours[key] = $5
    else if (!(key in best) || $5 < best[key])
        best[key] = $5
    median[key, name] = $5
}

function print_line(r,    key, i, base, ratio, verdict) {
    key = at[r]
    printf "| %s | %s |", title[r], figure[r] in unit ? unit[figure[r]] : figure[r]
    for (i = 1; i <= n; i++)
        if (peer[i] !~ /^headstart/)
            printf " %s |", (key, peer[i]) in median ? number(median[key, peer[i]]) : "–"
    printf " %s |", key in ours ? number(ours[key]) : "–"
    base = other[r] != "" ? ours[other[r] SUBSEP figure[r]] : best[key]
    ratio = key in ours && base > 0 ? ours[key] / base : 0
    verdict = goal[r] == "" || !ratio ? "" : ratio <= goal[r] + 0 ? " yes" : " **no**"
    printf " %s | %s%s |\n", ratio ? sprintf("%.2f", ratio) (other[r] != "" ? " ¹" : "") : "–",
        goal[r] == "" ? "" : "≤ " goal[r], verdict
}

END {
    printf "| work | figure |"
    for (i = 1; i <= n; i++)
        if (peer[i] !~ /^headstart/)
            printf " %s |", peer[i]
    printf " headstart | ÷ best peer | goal |\n|---|---|"
    for (i = 1; i <= n; i++)
        if (peer[i] !~ /^headstart/)
            printf "--:|"
    printf "--:|--:|---|\n"
    for (r = 1; r <= rows; r++)
        print_line(r)
    print "\n¹ divided by our own figure: with the log and with 2 workers by that of the first row, beside idle connections by that without."
}
