/* The live parts of the page: the proxy's verdicts and the browser's own timings. */
'use strict';
(function () {
  function say(section, text) {
    const state = section.querySelector('.state');
    state.textContent = text;
    state.hidden = text === '';
  }

  function row(table, cells) {
    const tr = document.createElement('tr');
    for (const cell of cells) {
      const td = document.createElement('td');
      if (cell instanceof Node)
        td.append(cell);
      else
        td.textContent = cell;
      if (typeof cell === 'number')
        td.className = 'number';
      tr.append(td);
    }
    table.tBodies[0].append(tr);
  }

  function element(name, className, text) {
    const e = document.createElement(name);
    e.className = className;
    e.textContent = text;
    return e;
  }

  /* "push=off;reason=client, </a.css>;verdict=would-push, ..." */
  function showVerdicts(section, value) {
    const table = section.querySelector('table');
    const link = /<([^>]*)>;\s*verdict=([a-z-]+)/g;
    for (let m = link.exec(value); m; m = link.exec(value)) {
      const taken = m[2] === 'pushed' || m[2] === 'would-push';
      row(table, [
        element('code', '', '<' + m[1] + '>'),
        element('span', taken ? 'verdict taken' : 'verdict', m[2]),
      ]);
    }
    table.hidden = table.tBodies[0].rows.length === 0;
    const off = /push=off;\s*reason=([a-z-]+)/.exec(value);
    say(section, off ? 'Nothing was pushed to your browser (reason: ' + off[1] +
        '). A client that takes pushes would have got what is marked.' : '');
  }

  async function verdicts() {
    const section = document.getElementById('verdicts');
    say(section, 'Asking for them; the origin thinks for another 300 ms\u2026');
    try {
      /* Under a version of its own: what this connection carried already would only be `seen`. */
      const answer = await fetch('/?v=' + Date.now().toString(36), {
        headers: {'cf-h2-push-explain': '1'},
        cache: 'no-store',
      });
      const value = answer.headers.get('cf-h2-push-explain');
      if (value === null)
        say(section, 'No verdicts came: either there is no proxy in front of this page, or it explains itself to ' +
            'other addresses only (push.explain_from).');
      else
        showVerdicts(section, value);
    } catch (e) {
      say(section, 'The verdicts could not be fetched: ' + e.message);
    }
  }

  function showResources(section, entries) {
    const table = section.querySelector('table');
    const end = Math.max(...entries.map((e) => e.responseEnd), 1);
    for (const e of entries) {
      const url = new URL(e.name);
      const bar = element('span', 'bar', '');
      bar.style.marginLeft = (e.startTime / end) * 100 + '%';
      bar.style.width = ((e.responseEnd - e.startTime) / end) * 100 + '%';
      row(table, [
        element('code', '', url.pathname),
        e.nextHopProtocol || '\u2013',
        e.encodedBodySize,
        Math.round(e.startTime) + ' ms',
        Math.round(e.responseEnd) + ' ms',
        bar,
      ]);
    }
    table.hidden = false;
    say(section, '');
  }

  function resources() {
    const section = document.getElementById('resources');
    if (!window.performance || !performance.getEntriesByType) {
      say(section, 'Your browser does not tell its timings.');
      return;
    }
    const entries = performance.getEntriesByType('navigation')
        .concat(performance.getEntriesByType('resource'))
        .filter((e) => new URL(e.name).origin === location.origin);
    showResources(section, entries);
  }

  for (const address of document.querySelectorAll('.address'))
    address.textContent = location.origin + '/';

  /* The page's own resources are listed before the verdicts are fetched, which would be one more. */
  function start() {
    resources();
    verdicts();
  }
  if (document.readyState === 'complete')
    setTimeout(start, 0);
  else
    window.addEventListener('load', () => setTimeout(start, 0));
})();
