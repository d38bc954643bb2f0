// A finger that moves sideways over the last reply goes to its next or previous version.

const LEAST = 48;

export function swiped(root, step) {
  let from = null;
  root.addEventListener("pointerdown", (event) => {
    const isLast = event.target.closest(".turn:last-of-type.character");
    from = event.pointerType === "touch" && event.isPrimary && isLast ? event : null;
  });
  root.addEventListener("pointercancel", () => (from = null));
  root.addEventListener("pointerup", (event) => {
    if (!from || event.pointerId !== from.pointerId) return;
    const [across, down] = [event.clientX - from.clientX, event.clientY - from.clientY];
    from = null;
    if (Math.abs(across) < LEAST || Math.abs(across) < 2 * Math.abs(down) || String(getSelection())) return;
    step(across < 0 ? 1 : -1);
  });
}
