document.getElementById('language').onclick = function () {
  var root = document.documentElement; root.lang = root.lang === 'zh' ? 'en' : 'zh';
};
document.querySelectorAll('button.copy').forEach(function (button) {
  var shown = button.previousElementSibling;
  function done() { button.classList.add('done'); setTimeout(function () { button.classList.remove('done'); }, 1500); }
  function selected() {
    getSelection().selectAllChildren(shown);
    if (document.execCommand('copy')) done();
  }
  button.addEventListener('click', function () {
    if (navigator.clipboard) navigator.clipboard.writeText(shown.textContent).then(done, selected); else selected();
  });
});
document.querySelectorAll('.pictures img, .pairs img').forEach(function (image) {
  var figure = image.closest('figure');
  function enlarge() { figure.classList.toggle('whole'); }
  image.tabIndex = 0;
  image.addEventListener('click', enlarge);
  image.addEventListener('keydown', function (event) { if (event.key === 'Enter') enlarge(); });
});
