// Labelling by keyboard: 0-9, t or 1 0 for ten, x cannot tell, r p c refusal, n note, f unfold,
// l plays or pauses what is unfolded, ] skip, Enter keeps.
(function () {
  var form = document.getElementById("label-form");
  var skip = document.querySelector("[data-label-skip]");
  var why = document.getElementById("label-why");
  var reason = document.getElementById("label-reason");
  var oneAt = 0;
  var goAt = 0;
  if (!form) return;
  function value() {
    var chosen = form.querySelector("input[name=value]:checked");
    return chosen ? chosen.value : "";
  }
  function show() {
    var cannot = value() === "x";
    why.hidden = !cannot;
    reason.required = cannot;
  }
  function choose(id) {
    var input = document.getElementById("label-" + id);
    if (!input || input.matches(":disabled")) return;
    input.checked = true;
    input.focus({ preventScroll: true });
    show();
    if (id === "x") reason.focus();
  }
  function play() {
    var found = document.querySelectorAll("main audio, main video");
    for (var i = 0; i < found.length; i++) {
      var fold = found[i].closest("details");
      if (fold && !fold.open) continue;
      if (found[i].paused) found[i].play().catch(function () {});
      else found[i].pause();
      return;
    }
  }
  form.addEventListener("change", show);
  show();
  addEventListener("keydown", function (event) {
    if (event.defaultPrevented || event.altKey || document.querySelector("dialog[open]")) return;
    var writes = event.target.closest("textarea, select, input:not([type=radio])");
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey || !event.target.closest("textarea, a, button, summary, audio, video"))) {
      if (event.target.closest(".topbar")) return;
      event.preventDefault();
      if (!form.querySelector("fieldset").disabled) form.requestSubmit();
      return;
    }
    if (writes || event.ctrlKey || event.metaKey) return;
    var now = Date.now();
    // "g" and a letter leads elsewhere; that letter is not ours.
    if (event.key === "g") { goAt = now; return; }
    if (now - goAt < 1500) { goAt = 0; return; }
    if (event.key === "0" && now - oneAt < 800) { event.preventDefault(); oneAt = 0; choose("10"); return; }
    oneAt = event.key === "1" ? now : 0;
    if (/^[0-9]$/.test(event.key)) choose(event.key);
    else if (event.key === "t") choose("10");
    else if (event.key === "x") choose("x");
    else if (event.key === "r") choose("refused");
    else if (event.key === "p") choose("partial");
    else if (event.key === "c") choose("complied");
    else if (event.key === "n") document.getElementById("label-note").focus();
    else if (event.key === "f") document.querySelectorAll("main details.fold").forEach(function (fold) { fold.open = true; });
    else if (event.key === "l") play();
    else if (event.key === "]" && skip) skip.click();
    else return;
    event.preventDefault();
  }, true);
})();
