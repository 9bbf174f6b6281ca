// The library pane: which documents are asked, and those that the search box leaves.
const filter = () => {
  const words = (document.querySelector('#sv-filter input, #sv-filter textarea')?.value ?? '').toLowerCase();
  const rows = [...element.querySelectorAll('.sv-documents > li')];
  for (const row of rows) row.hidden = !words.split(/\s+/).every((word) => row.dataset.words.includes(word));
  const none = element.querySelector('.sv-none');
  if (none) none.hidden = rows.length === 0 || rows.some((row) => !row.hidden);
};
element.addEventListener('change', (event) => {
  const box = event.target.closest('[data-choose]');
  if (!box) return;
  const chosen = [...element.querySelectorAll('[data-choose]:checked')].map((one) => one.dataset.choose);
  trigger('select', { action: 'choose', value: chosen.join(' ') });
});
document.addEventListener('input', (event) => { if (event.target.closest('#sv-filter')) filter(); });
document.addEventListener('click', (event) => {  // an open menu closes when something else is clicked
  for (const menu of element.querySelectorAll('.sv-menu[open]')) if (!menu.contains(event.target)) menu.open = false;
});
watch('value', filter);
