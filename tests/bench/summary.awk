# summary.awk - awk -f summary.awk rows.txt RESULTS: the medians, separated by tabs.
#   row    ID FIGURE TITLE GOAL ID-TO-COMPARE-WITH     in the order of rows.txt
#   value  ID FIGURE PEER MEDIAN LEAST MOST            after its row

function trim(text) {
    gsub(/^ +| +$/, "", text)
    return text
}

function sort(list, n,    i, j, one) {
    for (i = 2; i <= n; i++) {
        one = list[i]
        for (j = i - 1; j >= 1 && list[j] > one; j--)
            list[j + 1] = list[j]
        list[j + 1] = one
    }
}

function print_value(id, figure, peer,    key, n, i, list) {
    key = id SUBSEP figure SUBSEP peer
    n = count[key]
    for (i = 1; i <= n; i++)
        list[i] = value[key, i]
    sort(list, n)
    printf "value\t%s\t%s\t%s\t%s\t%s\t%s\n", id, figure, peer,
        (list[int((n + 1) / 2)] + list[int((n + 2) / 2)]) / 2, list[1], list[n]
}

# text: KEY, then <GOAL and @ID where there are any
function print_row(id, title, text,    figure, goal, other, i) {
    figure = goal = other = text
    sub(/[<@].*/, "", figure)
    sub(/@.*/, "", goal)
    if (!sub(/.*</, "", goal))
        goal = ""
    if (!sub(/.*@/, "", other))
        other = ""
    if (!((id, figure) in is_measured))
        return
    printf "row\t%s\t%s\t%s\t%s\t%s\n", id, figure, title, goal, other
    for (i = 1; i <= peers; i++)
        if ((id, figure, peer_at[i]) in count)
            print_value(id, figure, peer_at[i])
}

FNR == NR {
    if ($0 !~ /^#/ && split($0, part, "|") >= 6) {
        id_at[++rows] = trim(part[1])
        title[rows] = trim(part[2])
        figures[rows] = trim(part[3])
    }
    next
}

{
    if (!($2 in is_known)) {
        is_known[$2] = 1
        peer_at[++peers] = $2
    }
    for (i = 3; i <= NF; i++) {
        split($i, pair, "=")
        is_measured[$1, pair[1]] = 1
        value[$1, pair[1], $2, ++count[$1, pair[1], $2]] = pair[2] + 0
    }
}

END {
    for (r = 1; r <= rows; r++) {
        n = split(figures[r], each, " ")
        for (i = 1; i <= n; i++)
            print_row(id_at[r], title[r], each[i])
    }
}
