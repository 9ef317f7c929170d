//! Offers what the browser holds as a file to keep.

/** The browser reads the file when it gets to it: until then its address must hold. */
const KEPT_MS = 10_000;

export function saveFile(name: string, content: Blob): void {
  const url = URL.createObjectURL(content);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), KEPT_MS);
}
