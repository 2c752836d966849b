/* The page of a run, live: asks once a second for what changed and puts it in place; no reload. */
(function () {
  "use strict";
  var root = document.getElementById("run");
  if (!root) { return; }
  var ended = ["finished", "cancelled"];
  var words = JSON.parse(document.getElementById("run-words").textContent);
  var wait = 1000;

  function each(selector, act) { Array.prototype.forEach.call(document.querySelectorAll(selector), act); }

  function show(data) {
    each("[data-live]", function (element) {
      var text = data.texts[element.dataset.live];
      if (text !== undefined && element.textContent !== text) { element.textContent = text; }
    });
    each("progress[data-bar]", function (element) {
      var bar = data.bars[element.dataset.bar];
      if (bar) { element.value = bar[0]; element.max = Math.max(1, bar[1]); }
    });
    each("[data-when]", function (element) {
      var needs = element.dataset.needs;
      element.hidden = element.dataset.when.split(" ").indexOf(data.status) < 0 || (needs && data.texts[needs] === "0");
    });
    if (root.dataset.status !== data.status) {
      root.dataset.status = data.status;
      each("[data-status-word] .badge-s", function (element) { element.textContent = words[data.status] || data.status; });
      document.getElementById("run-said").textContent = words.now.replace("{status}", words[data.status] || data.status);
    }
  }

  function ask() {
    if (document.hidden) { setTimeout(ask, wait); return; }
    fetch(root.dataset.progress, { headers: { Accept: "application/json" } })
      .then(function (reply) { if (!reply.ok) { throw new Error(String(reply.status)); } return reply.json(); })
      .then(function (data) {
        root.removeAttribute("data-lost");
        document.getElementById("run-lost").hidden = true;
        wait = 1000;
        show(data);
        if (ended.indexOf(data.status) < 0) { setTimeout(ask, wait); }
      })
      .catch(function () {
        document.getElementById("run-lost").hidden = false;
        wait = Math.min(wait * 2, 30000);
        setTimeout(ask, wait);
      });
  }

  if (ended.indexOf(root.dataset.status) < 0) { setTimeout(ask, wait); }
})();
