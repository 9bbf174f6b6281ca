// Reports what is clicked in `element` as an event with its action and value; does what needs no server by itself.
const EVENTS = {
  focus: 'select', example: 'select', choose: 'select', all: 'select',
  save: 'edit', reread: 'apply', remove: 'delete', cancel: 'stop',
};
const copied = (button, text) => {
  const done = () => {
    const before = button.textContent;
    button.textContent = 'Copied';
    setTimeout(() => { button.textContent = before; }, 1200);
  };
  const byHand = () => {  // where the page is not served securely there is no clipboard
    const area = document.createElement('textarea');
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand('copy');
    area.remove();
    done();
  };
  if (navigator.clipboard) navigator.clipboard.writeText(text).then(done, byHand); else byHand();
};
const csv = (table) => [...table.rows].map((row) => [...row.cells].map((cell) => {
  const text = cell.textContent;
  return /[",\n]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text;
}).join(',')).join('\r\n') + '\r\n';
const LOCAL = {
  csv: (button) => copied(button, csv(button.closest('article').querySelector('table'))),
  copy: (button) => copied(button, button.closest('p').parentElement.querySelector('.sv-answer').innerText.trim()),
  swap: (button) => {
    button.closest('article').classList.toggle('sv-as-picture');
    [button.textContent, button.dataset.other] = [button.dataset.other, button.textContent];
  },
};
const report = (event) => {
  const local = event.target.closest('[data-local]');
  if (local && LOCAL[local.dataset.local]) { LOCAL[local.dataset.local](local); return; }
  if (local || event.target.closest('.sv-table')) return;
  const target = event.target.closest('[data-action]');
  if (!target || target.disabled) return;
  if (target.tagName !== 'BUTTON' && String(window.getSelection())) return;  // selecting words is no click
  const { action, value, confirm: question } = target.dataset;
  if (question && !window.confirm(question)) return;
  if (target.dataset.busy) { target.textContent = target.dataset.busy; target.disabled = true; }
  const words = {};
  for (const input of target.closest('[data-fields]')?.querySelectorAll('input') ?? []) words[input.name] = input.value;
  trigger(EVENTS[action] ?? 'click', { action, value, ...words });
};
element.addEventListener('click', report);
element.addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && event.target.closest('[data-fields] input')) {
    event.target.closest('[data-fields]').querySelector('[data-action=save]').click();
  } else if ((event.key === 'Enter' || event.key === ' ') && event.target.matches('g[data-action]')) {
    event.preventDefault();
    report(event);
  }
});
