#!/bin/bash
# Two daemons offer metrics. A scraper reads what `dynavg status` says, in a form that promtool
# accepts; a browser shows both peers, the charts and the rounds, and markup in the names of others
# stays text. While many read and some are slow, heartbeats and rounds go on. The checks of promtool
# or chromium are left out, and that is said, where the tool is missing.
source "${BASH_SOURCE[0]%/*}/lib.sh"
root=$(realpath "${BASH_SOURCE[0]%/*}/../..")

# page_of ADDRESS: the page as a browser has it once its script has run.
page_of() {
    timeout "$deadline_s" chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage \
        --user-data-dir="$work/browser" --virtual-time-budget=8000 --dump-dom "http://$1/" 2>/dev/null
}

# read_from ADDRESS PATH
read_from() { curl --silent --show-error --fail --max-time "$deadline_s" "http://$1$2"; }

metrics='insecure = true
[metrics]
bind = "tcp://127.0.0.1:0"'
configure a security="$metrics"
start a
configure b security="$metrics" peers="\"$(address_of a)\""
start b
address=$(events a metrics_offered .address)
await_status a '.rounds >= 2 and .peers_live == 1'

# The scraper.
read_from "$address" /metrics >"$work/metrics"
for line in 'dynavg_peers_live 1' 'dynavg_health{finding="no-peers"} 0' \
    "dynavg_build_info{version=\"$(status_of a | jq --raw-output .version)\",node=\"a\",network=\"test\",model=\"mlp\"} 1"; do
    grep --quiet --fixed-strings --line-regexp -- "$line" "$work/metrics" ||
        fail "no line $line in: $(cat "$work/metrics")"
done
steps=$(sed --quiet 's/^dynavg_steps_total //p' "$work/metrics")
((steps > 0 && steps <= $(status_of a | jq .steps))) || fail "steps are told as $steps"
if command -v promtool >/dev/null; then
    promtool check metrics <"$work/metrics" || fail "promtool does not like the metrics"
    promtool check rules "$root/docs/alerts.yml" >/dev/null || fail "the alerting rules are invalid"
else
    echo "left out: no promtool (Debian's package prometheus)"
fi

# Many readers, and some that never finish, disturb nobody.
for _ in 1 2 3 4 5; do exec {slow}<>"/dev/tcp/${address%:*}/${address##*:}" && printf 'GET /' >&$slow; done
mark a
begin=$(now_ms)
for _ in {1..300}; do
    read_from "$address" /metrics >/dev/null
    read_from "$address" /status.json >/dev/null
done
echo "figure: 600 reads, one after the other: $(($(now_ms) - begin)) ms"
await_new a round_committed '.participants | length == 2'
expect_none b peer_suspected

command -v chromium >/dev/null || { echo "left out: no chromium" && exit 0; }

# The browser.
page_of "$address" >"$work/page.html"
for text in '<h1 id="node">a in test</h1>' '<td>b</td>' '<td>live</td>' 'Nothing is wrong.' \
    'class="estimate" d="M' 'class="threshold" d="M' '<td>crossing</td>'; do
    grep --quiet --fixed-strings -- "$text" "$work/page.html" ||
        fail "the page has no $text: $(cat "$work/page.html")"
done

# A peer whose name is markup.
mkdir "$work/page"
cp "$root"/daemon/outputs/status_page/page.{html,js,css} "$work/page/"
mv "$work/page/page.html" "$work/page/index.html"
evil='<img src=x onerror=document.title=1><script>document.title=2</script>'
read_from "$address" /status.json |
    jq --arg evil "$evil" '.peers[0].name = $evil | .status.health = [{name: $evil, message: $evil}] |
        .status.node = $evil | .rounds[0].reason = $evil' >"$work/page/status.json"
python3 -u -m http.server 0 --bind 127.0.0.1 --directory "$work/page" >"$work/web.log" 2>&1 &
pids[web]=$!
until_true "web server" grep --quiet 'port [0-9]' "$work/web.log"
page_of "127.0.0.1:$(sed --quiet 's/.* port \([0-9]*\) .*/\1/p' "$work/web.log")" >"$work/evil.html"
grep --quiet --fixed-strings '&lt;img src=x onerror' "$work/evil.html" || fail "the name is not shown"
! grep --quiet '<img\|<title>[12]<' "$work/evil.html" || fail "a name became markup"
