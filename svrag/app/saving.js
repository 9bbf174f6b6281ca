// Saves the file that the server put into the page, under its name; nothing is written on the server.
watch('value', () => {
  const file = element.querySelector('[data-file]');
  if (!file) return;
  const bytes = Uint8Array.from(atob(file.textContent), (letter) => letter.charCodeAt(0));
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([bytes], { type: file.dataset.kind }));
  link.download = file.dataset.file;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
});
