// Shortcuts of every page: "/" search, "g" then a letter, "?" the list; silent while somebody writes,
// and where the page has dealt with the key itself (preventDefault).
(function () {
  var waiting = 0;
  var came = null;
  function busy(target) {
    return target.closest && target.closest("input, textarea, select, [contenteditable=''], [contenteditable='true']");
  }
  function open(dialog) {
    came = document.activeElement;
    dialog.showModal();
  }
  addEventListener("DOMContentLoaded", function () {
    var dialog = document.getElementById("shortcuts");
    dialog.addEventListener("close", function () { if (came && came.focus) came.focus(); });
    document.querySelectorAll("[data-opens]").forEach(function (button) {
      button.addEventListener("click", function () { open(document.getElementById(button.dataset.opens)); });
    });
    document.querySelectorAll("[data-submits]").forEach(function (field) {
      field.addEventListener("change", function () {
        sessionStorage.setItem("focus", field.name + "=" + field.value);
        field.form.requestSubmit();
      });
    });
    // The focus returns to the filter that was changed.
    var last = sessionStorage.getItem("focus");
    sessionStorage.removeItem("focus");
    document.querySelectorAll("[data-submits]").forEach(function (field) {
      if (field.name + "=" + field.value === last) field.focus({ preventScroll: true });
    });
    document.querySelectorAll("form[data-tidy]").forEach(function (form) {
      form.addEventListener("submit", function () {
        Array.from(form.elements).forEach(function (each) { if (each.name && !each.value) each.disabled = true; });
      });
    });
    // A kind of content unfolded once stays unfolded in this tab's session, and no longer.
    document.querySelectorAll("details[data-remember]").forEach(function (fold) {
      var key = "unfolded:" + fold.dataset.remember;
      try { if (sessionStorage.getItem(key)) fold.open = true; } catch (error) { return; }
      fold.addEventListener("toggle", function () {
        if (fold.open) sessionStorage.setItem(key, "1"); else sessionStorage.removeItem(key);
      });
    });
    document.querySelectorAll("[data-copies]").forEach(function (button) {
      button.hidden = !navigator.clipboard;
      button.addEventListener("click", function () {
        navigator.clipboard.writeText(document.getElementById(button.dataset.copies).textContent.trim());
        button.textContent = button.dataset.done;
      });
    });
  });
  addEventListener("keydown", function (event) {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (busy(event.target)) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    if (document.querySelector("dialog[open]")) return;
    if (Date.now() - waiting < 1500) {
      var link = document.querySelector('.topbar nav a[data-go="' + CSS.escape(event.key) + '"]');
      waiting = 0;
      if (link) { event.preventDefault(); link.click(); }
      return;
    }
    if (event.key === "/") {
      event.preventDefault();
      (document.querySelector("main input[type=search]") || document.getElementById("site-search")).focus();
    } else if (event.key === "?") {
      event.preventDefault();
      open(document.getElementById("shortcuts"));
    } else if (event.key === "g") {
      waiting = Date.now();
    }
  });
})();
