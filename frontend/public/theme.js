// Sets the theme before the first paint. A file of its own, so that no inline script is needed.
(function () {
  var choice = null;
  try {
    choice = localStorage.getItem('derms.theme');
  } catch (e) {
    choice = null;
  }
  var night = choice ? choice === 'night' : matchMedia('(prefers-color-scheme: dark)').matches;
  document.documentElement.dataset.theme = night ? 'night' : 'day';
})();
