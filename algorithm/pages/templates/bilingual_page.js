addEventListener('beforeprint', function () {
  document.querySelectorAll('details:not([open])').forEach(function (part) { part.open = part.dataset.closed = true; });
});
addEventListener('afterprint', function () {
  document.querySelectorAll('details[data-closed]').forEach(function (part) { part.open = false; delete part.dataset.closed; });
});
document.querySelectorAll('table.sortable th').forEach(function (head) {
  head.tabIndex = 0;
  function sort() {
    var table = head.closest('table'), body = table.tBodies[0], place = head.cellIndex;
    var down = head.getAttribute('aria-sort') === 'descending';
    table.querySelectorAll('th').forEach(function (other) { other.removeAttribute('aria-sort'); });
    head.setAttribute('aria-sort', down ? 'ascending' : 'descending');
    function value(row) { var text = row.cells[place].textContent.trim(), number = parseFloat(text);
      return text === '' ? -Infinity : isNaN(number) ? text : number; }
    Array.from(body.rows).sort(function (a, b) { var x = value(a), y = value(b);
      var order = typeof x === 'number' && typeof y === 'number' ? x - y : String(x).localeCompare(String(y));
      return down ? order : -order; }).forEach(function (row) { body.appendChild(row); });
  }
  head.addEventListener('click', sort);
  head.addEventListener('keydown', function (event) { if (event.key === 'Enter') sort(); });
});
