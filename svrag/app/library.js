// The library pane: which documents are asked. All boxes are told each time, so that nothing is lost when clicks overtake
// each other.
element.addEventListener('change', (event) => {
  if (!event.target.closest('[data-choose]')) return;
  const ids = (boxes) => [...element.querySelectorAll(boxes)].map((one) => one.dataset.choose).join(' ');
  trigger('select', { action: 'choose', value: ids('[data-choose]:checked'), shown: ids('[data-choose]') });
});
watch('value', () => {  // what was ticked at a row says nothing of the document that stands there now
  for (const box of element.querySelectorAll('[data-choose]')) box.checked = box.defaultChecked;
});
document.addEventListener('click', (event) => {  // an open menu closes when something else is clicked
  for (const menu of element.querySelectorAll('.sv-menu[open]')) if (!menu.contains(event.target)) menu.open = false;
});
