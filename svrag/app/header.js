// The head of the page: light or dark, the library on a phone, keys that work everywhere, files to save.
const kept = localStorage.getItem('svrag-theme');
if (kept) document.body.classList.toggle('dark', kept === 'dark');
const local = {
  theme: () => {
    const dark = document.body.classList.toggle('dark');
    localStorage.setItem('svrag-theme', dark ? 'dark' : 'light');
  },
  drawer: () => document.querySelector('#sv-layout').classList.toggle('sv-drawer'),
};
element.addEventListener('click', (event) => {
  local[event.target.closest('[data-local]')?.dataset.local]?.();
});
document.addEventListener('keydown', (event) => {
  if (event.key !== '/' || event.target.closest('input, textarea')) return;
  event.preventDefault();
  document.querySelector('#sv-ask textarea')?.focus();
});
