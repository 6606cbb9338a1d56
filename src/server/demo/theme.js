/* Light or dark as the visitor's system has it, until the visitor says otherwise. */
'use strict';
(function () {
  const root = document.documentElement;
  const dark = window.matchMedia('(prefers-color-scheme: dark)');
  let chosen = null;
  try {
    chosen = localStorage.getItem('theme');
  } catch (e) {
    chosen = null; /* no storage: the choice lasts as long as the page */
  }
  if (chosen === 'dark' || chosen === 'light')
    root.dataset.theme = chosen;

  document.addEventListener('DOMContentLoaded', function () {
    const button = document.getElementById('theme');
    button.hidden = false;
    button.addEventListener('click', function () {
      const now = root.dataset.theme || (dark.matches ? 'dark' : 'light');
      root.dataset.theme = now === 'dark' ? 'light' : 'dark';
      try {
        localStorage.setItem('theme', root.dataset.theme);
      } catch (e) {
        return;
      }
    });
  });
})();
