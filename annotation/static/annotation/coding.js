// Coding a document. The server keeps and draws everything; this script turns a selection made with the
// mouse, a finger or the keyboard into offsets in code points, and sends one change at a time.
(function () {
  "use strict";
  var root = document.getElementById("coding");
  if (!root) return;
  var say = root.dataset;
  var textBox = document.getElementById("coded-text");
  var overlay = document.getElementById("coding-overlay");
  var status = document.getElementById("coding-status");
  var errorBox = document.getElementById("coding-error");
  var codeName = document.getElementById("code-name");
  var codeForm = document.getElementById("code-form");
  var codeMake = document.getElementById("code-make");
  var codeCategory = document.getElementById("code-category");
  var memoText = document.getElementById("memo-text");
  var memoOn = document.getElementById("memo-on");
  var token = root.querySelector("[name=csrfmiddlewaretoken]").value;
  var state = JSON.parse(document.getElementById("coding-data").textContent);

  var caret = null;      // code point where the caret stands
  var anchor = null;     // where the selection began; equal to caret: nothing selected
  var selected = null;   // id of the coding that the reader is on
  var lastCode = null;   // id of the code used last
  var memoCoding = null; // id of the coding the memo is on; null: the document
  var done = [], undone = [];
  var working = Promise.resolve();
  var waiting = null;    // a memo being typed, not sent yet
  var underway = 0;      // changes sent and not answered
  var whole = wholeOf(state); // what the reader has chosen for the document, maybe not yet answered

  // ---- offsets: code points to places in the page and back ------------------------------------------

  function pieces() {
    return Array.from(textBox.querySelectorAll("[data-text]")).map(function (span) {
      var node = span.firstChild;
      var start = Number(span.closest("[data-run]").dataset.start);
      return { node: node, start: start, length: Array.from(node.data).length };
    });
  }
  function toUnits(text, points) { return Array.from(text).slice(0, points).join("").length; }
  function toPoints(text, units) { return Array.from(text.slice(0, units)).length; }

  // The code point at a boundary of the page; `end`: of the end of a selection, which stays in front of a gap.
  function pointAt(container, offset, end) {
    var all = pieces();
    var range = document.createRange();
    range.setStart(textBox, 0);
    range.setEnd(container, offset);
    var last = 0;
    for (var i = 0; i < all.length; i++) {
      var piece = all[i];
      if (piece.node === container) return piece.start + toPoints(piece.node.data, offset);
      if (range.comparePoint(piece.node, piece.node.length) <= 0) last = piece.start + piece.length;
      else return end ? last : piece.start;
    }
    return last;
  }
  function placeOf(point, end) {
    var all = pieces();
    var found = null;
    for (var i = 0; i < all.length; i++) {
      var piece = all[i];
      var inside = end ? point > piece.start && point <= piece.start + piece.length
                       : point >= piece.start && point < piece.start + piece.length;
      if (inside) { found = piece; break; }
      if (piece.start + piece.length <= point) found = piece;
    }
    found = found || all[0];
    return { node: found.node, offset: toUnits(found.node.data, Math.max(0, Math.min(point - found.start, found.length))) };
  }
  function rangeOf(start, end) {
    var from = placeOf(start, false), to = placeOf(end, true);
    var range = document.createRange();
    range.setStart(from.node, from.offset);
    range.setEnd(to.node, to.offset);
    return range;
  }
  // The text between two code points: what stands on the page, with the line breaks that no run holds.
  var cached = null;
  function characters() {
    if (cached) return cached;
    var all = [];
    pieces().forEach(function (piece) {
      while (all.length < piece.start) all.push("\n");
      Array.from(piece.node.data).forEach(function (character) { all.push(character); });
    });
    cached = all;
    return all;
  }
  function selection() {
    if (anchor === null || caret === null || anchor === caret) return null;
    var start = Math.min(anchor, caret), end = Math.max(anchor, caret), all = characters();
    while (start < end && /\s/.test(all[start])) start++;
    while (end > start && /\s/.test(all[end - 1])) end--;
    return start < end ? { start: start, end: end, quote: all.slice(start, end).join("") } : null;
  }

  // ---- drawing: caret and selection over the text, the passage that is on ----------------------------

  function bar(rect, css, box) {
    var i = document.createElement("i");
    if (css) i.className = css;
    i.style.left = rect.left - box.left + "px";
    i.style.top = rect.top - box.top + "px";
    i.style.height = rect.height + "px";
    if (!css) i.style.width = rect.width + "px";
    overlay.appendChild(i);
  }
  function draw() {
    overlay.replaceChildren();
    var box = overlay.getBoundingClientRect();
    if (anchor !== null && anchor !== caret) {
      Array.from(rangeOf(Math.min(anchor, caret), Math.max(anchor, caret)).getClientRects()).forEach(function (rect) {
        if (rect.width) bar(rect, "", box);
      });
    }
    if (caret !== null && document.activeElement === textBox) {
      var rect = caretRect();
      if (rect) bar(rect, "caret", box);
    }
    textBox.querySelectorAll(".seg").forEach(function (mark) {
      mark.classList.toggle("on", selected !== null && mark.dataset.ids.split(" ").indexOf(String(selected)) >= 0);
    });
    document.querySelectorAll("#coding-codebook [data-code]").forEach(function (item) {
      if (item.tagName === "LI") item.classList.toggle("on", Number(item.dataset.code) === lastCode);
    });
  }
  function caretRect() {
    var place = placeOf(caret, false);
    var range = document.createRange();
    range.setStart(place.node, place.offset);
    range.setEnd(place.node, Math.min(place.node.length, place.offset + 1));
    var rects = range.getClientRects();
    if (rects.length) {
      var rect = rects[0], atEnd = place.offset >= place.node.length;
      return { left: atEnd ? rect.right : rect.left, top: rect.top, height: rect.height, width: 2 };
    }
    range.setStart(place.node, Math.max(0, place.offset - 1));
    rects = range.getClientRects();
    if (!rects.length) return null;
    var last = rects[rects.length - 1];
    return { left: last.right, top: last.top, height: last.height, width: 2 };
  }
  function show(id) {
    selected = id;
    draw();
    var mark = textBox.querySelector('.seg[data-ids~="' + id + '"]');
    if (mark) mark.scrollIntoView({ block: "center" });
  }

  // ---- selecting ------------------------------------------------------------------------------------

  document.addEventListener("selectionchange", readSelection);
  // The event comes a moment late: keys and buttons call this first, so that no selection is missed.
  function catchUp() { if (!getSelection().isCollapsed) readSelection(); }
  function readSelection() {
    var live = getSelection();
    if (!live.rangeCount || !textBox.contains(live.anchorNode) || !textBox.contains(live.focusNode)) return;
    var range = live.getRangeAt(0);
    var start = pointAt(range.startContainer, range.startOffset, false);
    var end = live.isCollapsed ? start : pointAt(range.endContainer, range.endOffset, true);
    var backwards = live.focusNode === range.startContainer && live.focusOffset === range.startOffset && !live.isCollapsed;
    var from = backwards ? end : start, to = backwards ? start : Math.max(start, end);
    if (from === anchor && to === caret) return;
    anchor = from;
    caret = to;
    selected = null;
    draw();
  }
  textBox.addEventListener("click", function (event) {
    var mark = event.target.closest(".seg");
    if (mark && getSelection().isCollapsed) {
      var ids = mark.dataset.ids.split(" ").map(Number);
      var inner = state.passages.filter(function (each) { return ids.indexOf(each.id) >= 0; })
        .sort(function (a, b) { return a.end - a.start - (b.end - b.start); })[0];
      if (inner) { selected = inner.id; memoOf(inner.id); draw(); }
    }
  });
  textBox.addEventListener("focusin", function (event) {
    if (event.target === textBox) {
      if (caret === null) caret = anchor = 0;
    } else if (event.target.matches(".seg") && event.target.matches(":focus-visible")) {
      var ids = event.target.dataset.ids.split(" ").map(Number);
      selected = ids[ids.length - 1];
      memoOf(selected);
    }
    draw();
  });
  textBox.addEventListener("focusout", draw);
  addEventListener("resize", draw);

  var segmenters = {};
  function boundaries(kind) {
    var text = characters().join("");
    if (!("Intl" in window) || !Intl.Segmenter) return characters().map(function (_, i) { return i; }).concat([characters().length]);
    segmenters[kind] = segmenters[kind] || new Intl.Segmenter(textBox.lang || "en", { granularity: kind });
    var cuts = [], at = 0;
    Array.from(segmenters[kind].segment(text)).forEach(function (part) {
      if (kind === "grapheme" || part.isWordLike) cuts.push(at);
      at += Array.from(part.segment).length;
      if (kind === "word" && part.isWordLike) cuts.push(at);
    });
    cuts.push(at);
    return cuts;
  }
  function move(key, byWord, widen) {
    var point = caret === null ? 0 : caret;
    if (key === "ArrowRight" || key === "ArrowLeft") {
      var cuts = boundaries(byWord ? "word" : "grapheme");
      if (key === "ArrowRight") point = cuts.find(function (cut) { return cut > point; }) ?? characters().length;
      else point = cuts.filter(function (cut) { return cut < point; }).pop() ?? 0;
    } else if (key === "Home" || key === "End") {
      var all = characters();
      if (key === "Home") while (point > 0 && all[point - 1] !== "\n") point--;
      else while (point < all.length && all[point] !== "\n") point++;
    } else {
      point = lineAway(key === "ArrowDown" ? 1 : -1, point);
    }
    caret = point;
    if (!widen) anchor = point;
    selected = null;
    getSelection().removeAllRanges();
    draw();
    var rect = caretRect();
    if (rect && (rect.top < 110 || rect.top + rect.height > innerHeight - 60)) scrollBy(0, rect.top - innerHeight / 2);
  }
  function lineAway(direction, point) {
    var rect = caretRect();
    if (!rect) return point;
    for (var step = 1; step <= 6; step++) {
      var y = rect.top + rect.height / 2 + direction * step * rect.height * 0.7;
      var hit = document.caretPositionFromPoint
        ? document.caretPositionFromPoint(rect.left, y)
        : document.caretRangeFromPoint && document.caretRangeFromPoint(rect.left, y);
      if (!hit) continue;
      var node = hit.offsetNode || hit.startContainer, offset = hit.offset === undefined ? hit.startOffset : hit.offset;
      if (node.nodeType !== 3 || !node.parentNode.matches("[data-text]")) continue;
      var found = pointAt(node, offset, false);
      if (direction > 0 ? found > point : found < point) return found;
    }
    return direction > 0 ? characters().length : 0;
  }

  // ---- talking to the server ------------------------------------------------------------------------

  function note(text, css) {
    status.textContent = text;
    status.className = "push saved quiet" + (css ? " " + css : "");
  }
  function refuse(message) {
    note(message, "lost");
    errorBox.querySelector("p").textContent = message;
    errorBox.hidden = false;
  }
  function send(verb, data) {
    note(say.keeping, "keeping");
    underway++;
    var answer = working.then(function () {
      return fetch(say.url + verb + "/", {
        method: "POST", credentials: "same-origin",
        headers: { "Content-Type": "application/json", "X-CSRFToken": token }, body: JSON.stringify(data)
      });
    }).then(function (response) {
      return response.json().then(function (body) {
        if (!response.ok) throw new Error(body.error.message);
        return body;
      });
    }).then(function (body) {
      underway--;
      errorBox.hidden = true;
      state = body.state;
      redraw(body.html);
      if (!underway && !waiting) note(say.kept);
      return body;
    }, function (error) {
      underway--;
      throw error;
    });
    working = answer.catch(function () {});
    return answer.catch(function (error) {
      refuse(error instanceof TypeError || error instanceof SyntaxError ? say.lost : error.message);
      return null;
    });
  }
  function redraw(html) {
    cached = null;
    var focused = document.activeElement;
    textBox.innerHTML = html.text;
    document.getElementById("coding-passages").innerHTML = html.passages;
    var unfolded = Array.from(document.querySelectorAll("#coding-codebook [data-category]")).filter(function (each) {
      return !each.querySelector("[data-fold]");
    }).map(function (each) { return each.dataset.category; });
    var open = Array.from(document.querySelectorAll("#coding-codebook details[open]")).map(function (each) {
      return each.closest("[data-category]").dataset.category;
    });
    document.getElementById("coding-codebook").innerHTML = html.codebook;
    open.forEach(function (key) {
      var again = document.querySelector('#coding-codebook [data-category="' + CSS.escape(key) + '"] details');
      if (again) again.open = true;
    });
    unfolded.forEach(function (key) {
      var button = document.querySelector('#coding-codebook [data-category="' + CSS.escape(key) + '"] [data-fold]');
      if (button) buttons.unfold(button);
    });
    filterCodes();
    if (focused && !document.contains(focused)) textBox.focus({ preventScroll: true });
    applyWhole();
    draw();
  }
  function wholeOf(from) {
    return { main: from.main, others: from.others.slice(), stance: from.stance, lifecycle: from.lifecycle };
  }
  // Show what the server holds, once it has answered everything.
  function applyWhole() {
    if (underway) return;
    whole = wholeOf(state);
    document.querySelectorAll("#whole [name=category]").forEach(function (box) {
      box.checked = box.value === state.main || state.others.indexOf(box.value) >= 0;
    });
    document.querySelectorAll("#whole [name=main]").forEach(function (radio) { radio.checked = radio.value === state.main; });
    document.querySelectorAll("#whole [name=stance]").forEach(function (radio) { radio.checked = radio.value === state.stance; });
    document.querySelectorAll("#whole [name=lifecycle]").forEach(function (radio) { radio.checked = radio.value === state.lifecycle; });
  }

  // ---- changes that can be taken back ----------------------------------------------------------------

  function codingOf(passage) {
    return state.passages.find(function (each) {
      return each.start === passage.start && each.end === passage.end && each.code === passage.code;
    });
  }
  var acts = {
    mark: function (passage) {
      return send("mark", passage).then(function (body) {
        if (!body) return null;
        lastCode = passage.code;
        selected = body.coding;
        caret = anchor = passage.end;
        getSelection().removeAllRanges();
        if (passage.memo) return send("memo", { coding: body.coding, text: passage.memo });
        memoOf(body.coding);
        draw();
        return body;
      });
    },
    remove: function (passage) {
      var coding = codingOf(passage);
      if (!coding) return Promise.resolve(null);
      passage.memo = state.memos[coding.id] || "";
      return send("remove", { coding: coding.id }).then(function (body) {
        if (body) { selected = null; if (memoCoding === coding.id) memoOf(null); draw(); }
        return body;
      });
    },
    whole: function (change) { return send(change.verb, change.to); },
    unwhole: function (change) { return send(change.verb, change.from); }
  };
  function act(verb, back, data) {
    var was = verb === "mark" && codingOf(data);
    return acts[verb](data).then(function (body) {
      if (body && !was) { done.push([verb, back, data]); undone = []; }
      return body;
    });
  }
  function undo() {
    var step = done.pop();
    if (!step) return note(say.nothing);
    acts[step[1]](step[2]).then(function (body) { if (body) undone.push(step); else done.push(step); });
  }
  function redo() {
    var step = undone.pop();
    if (!step) return note(say.nothing);
    acts[step[0]](step[2]).then(function (body) { if (body) done.push(step); else undone.push(step); });
  }
  // What a code would go to: the selection, else the passage that is on.
  function target() {
    var chosen = selection();
    if (chosen) return chosen;
    var on = state.passages.find(function (each) { return each.id === selected; });
    return on ? { start: on.start, end: on.end, quote: characters().slice(on.start, on.end).join("") } : null;
  }
  function apply(code) {
    var passage = target();
    if (!passage) { lastCode = code; draw(); return note(say.markFirst, "lost"); }
    return act("mark", "remove", { start: passage.start, end: passage.end, quote: passage.quote, code: code });
  }
  function makeCode(name) {
    name = name.trim();
    if (!name || !state.editable) return;
    var passage = target();
    var data = { name: name, category: codeCategory.value };
    if (passage) { data.start = passage.start; data.end = passage.end; data.quote = passage.quote; }
    send("code", data).then(function (body) {
      if (!body) return;
      lastCode = body.code;
      codeName.value = "";
      filterCodes();
      if (passage) {
        done.push(["mark", "remove", { start: passage.start, end: passage.end, quote: passage.quote, code: body.code }]);
        undone = [];
        selected = body.coding;
        caret = anchor = passage.end;
        memoOf(body.coding);
      }
      textBox.focus({ preventScroll: true });
      draw();
    });
  }

  // ---- find or make a code ----------------------------------------------------------------------------

  function filterCodes() {
    var wanted = codeName.value.trim().toLowerCase();
    var exact = false;
    document.querySelectorAll("#coding-codebook li[data-code]").forEach(function (item) {
      var name = item.dataset.name.toLowerCase();
      if (wanted && item.querySelector(".code").textContent.trim().toLowerCase() === wanted) exact = true;
      item.hidden = wanted ? name.indexOf(wanted) < 0 : item.hasAttribute("data-folded");
    });
    document.querySelectorAll("#coding-codebook [data-fold]").forEach(function (item) { item.hidden = Boolean(wanted); });
    codeMake.hidden = !wanted || exact || !state.editable;
    if (!codeMake.hidden && !codeCategory.dataset.chosen) codeCategory.value = state.main || codeCategory.value;
  }
  codeName.addEventListener("input", filterCodes);
  codeCategory.addEventListener("change", function () { codeCategory.dataset.chosen = "yes"; });
  codeForm.addEventListener("submit", function (event) {
    event.preventDefault();
    var wanted = codeName.value.trim();
    var known = state.codes.find(function (each) {
      return [each.name.toLowerCase(), each.label.toLowerCase()].indexOf(wanted.toLowerCase()) >= 0;
    });
    if (known) {
      codeName.value = "";
      filterCodes();
      apply(known.id);
      textBox.focus({ preventScroll: true });
    } else makeCode(wanted);
  });
  function newCode(words) {
    if (!state.editable) return;
    codeName.value = words || "";
    filterCodes();
    codeName.focus();
  }

  // ---- memo --------------------------------------------------------------------------------------------

  function keepMemo() {
    if (!waiting) return;
    clearTimeout(waiting.timer);
    var data = waiting.data;
    waiting = null;
    send("memo", data);
  }
  function later(data) {
    if (waiting && (waiting.data.kind !== data.kind || waiting.data.coding !== data.coding)) keepMemo();
    if (waiting) clearTimeout(waiting.timer);
    note(say.keeping, "keeping");
    waiting = { data: data, timer: setTimeout(keepMemo, 900) };
  }
  function memoOf(id) {
    keepMemo();
    memoCoding = id;
    var passage = state.passages.find(function (each) { return each.id === id; });
    memoOn.textContent = passage ? say.onPassage + " " + passage.start + "–" + passage.end : say.onDocument;
    memoText.value = state.memos[id === null ? "" : id] || "";
  }
  memoText.addEventListener("input", function () { later({ kind: "analytic", coding: memoCoding, text: memoText.value }); });
  ["scenario-en", "scenario-zh"].forEach(function (id) {
    document.getElementById(id).addEventListener("input", function () {
      later({ kind: "scenario", coding: null, text: document.getElementById("scenario-en").value,
              text_zh: document.getElementById("scenario-zh").value });
    });
  });
  addEventListener("focusout", function (event) { if (event.target.matches("textarea")) keepMemo(); });
  addEventListener("beforeunload", function (event) { if (waiting) { keepMemo(); event.preventDefault(); } });

  // ---- the whole document --------------------------------------------------------------------------------

  document.getElementById("whole").addEventListener("change", function (event) {
    var name = event.target.name, from, to;
    if (name === "stance") { from = { stance: whole.stance }; to = { stance: event.target.value }; whole.stance = to.stance; }
    else if (name === "lifecycle") { from = { stage: whole.lifecycle }; to = { stage: event.target.value }; whole.lifecycle = to.stage; }
    else {
      var main = whole.main, others = whole.others.slice();
      if (name === "main") {
        others = others.filter(function (key) { return key !== event.target.value; });
        if (main) others.push(main);
        main = event.target.value;
      } else if (event.target.checked) others.push(event.target.value);
      else {
        others = others.filter(function (key) { return key !== event.target.value; });
        if (main === event.target.value) main = "";
      }
      name = "categories";
      from = { main: whole.main, others: whole.others };
      to = { main: main, others: others };
      whole.main = main;
      whole.others = others;
      document.querySelectorAll("#whole [name=category]").forEach(function (box) {
        box.checked = box.value === main || others.indexOf(box.value) >= 0;
      });
      document.querySelectorAll("#whole [name=main]").forEach(function (radio) { radio.checked = radio.value === main; });
    }
    act("whole", "unwhole", { verb: name, from: from, to: to }).then(function (body) { if (!body) applyWhole(); });
  });

  // ---- buttons and keys ----------------------------------------------------------------------------------

  function submit() {
    keepMemo();
    send("submit", {}).then(function (body) {
      if (body) location.assign(body.next);
      else { errorBox.scrollIntoView({ block: "center" }); errorBox.focus(); }
    });
  }
  var buttons = {
    undo: undo, redo: redo, submit: submit,
    "new": function () { newCode(""); },
    invivo: function () { var chosen = target(); if (chosen) newCode(chosen.quote.slice(0, 200)); else note(say.markFirst, "lost"); },
    apply: function (button) { apply(Number(button.dataset.code)); },
    show: function (button) { show(Number(button.dataset.coding)); memoOf(Number(button.dataset.coding)); },
    memo: function (button) { show(Number(button.dataset.coding)); memoOf(Number(button.dataset.coding)); memoText.focus(); },
    remove: function (button) { removeCoding(Number(button.dataset.coding)); },
    unfold: function (button) {
      for (var each = button.closest("li").nextElementSibling; each && !each.hasAttribute("data-category"); each = each.nextElementSibling) {
        each.hidden = false;
        each.removeAttribute("data-folded");
      }
      button.remove();
    },
    reopen: function () { send("reopen", {}).then(function (body) { if (body) location.assign(body.next); }); }
  };
  function removeCoding(id) {
    var passage = state.passages.find(function (each) { return each.id === id; });
    if (!passage) return note(say.markFirst, "lost");
    act("remove", "mark", {
      start: passage.start, end: passage.end, code: passage.code,
      quote: characters().slice(passage.start, passage.end).join("")
    });
  }
  document.addEventListener("mousedown", function (event) {
    // A button must not take the selection away.
    if (event.target.closest("#coding button")) { catchUp(); event.preventDefault(); }
  });
  root.addEventListener("click", function (event) {
    var button = event.target.closest("[data-do]");
    if (button) buttons[button.dataset.do](button);
  });

  var keys = {
    z: undo, Z: redo,
    "+": function () { newCode(""); },
    '"': buttons.invivo,
    ";": function () { memoOf(selected); memoText.focus(); },
    Delete: function () { if (selected !== null) removeCoding(selected); },
    Backspace: function () { if (selected !== null) removeCoding(selected); },
    "[": function () { go("[data-go-previous]"); },
    "]": function () { go("[data-go-next]"); },
    "?": function () { document.querySelector('[data-opens="coding-shortcuts"]').click(); },
    Escape: function () { anchor = caret; selected = null; getSelection().removeAllRanges(); memoOf(null); draw(); }
  };
  function go(which) { var link = document.querySelector(which); if (link) link.click(); }
  document.addEventListener("keydown", function (event) {
    if (event.altKey || document.querySelector("dialog[open]")) return;
    if ((event.ctrlKey || event.metaKey) && event.key === "Enter") { event.preventDefault(); submit(); return; }
    if (event.target.closest("input, textarea, select")) return;
    catchUp();
    var inText = textBox.contains(event.target);
    if (inText && /^(Arrow|Home$|End$)/.test(event.key)) {
      event.preventDefault();
      move(event.key, event.ctrlKey || event.metaKey, event.shiftKey);
      return;
    }
    if (event.ctrlKey || event.metaKey) return;
    if (event.key === "Enter" && inText) {
      event.preventDefault();
      if (lastCode !== null) apply(lastCode); else newCode("");
      return;
    }
    var code = /^[a-y]$/.test(event.key) && event.key !== "g" && (selection() || inText)
      ? state.codes.find(function (each) { return each.letter === event.key; }) : null;
    if (code && state.editable) { event.preventDefault(); apply(code.id); return; }
    if (keys[event.key]) {
      event.preventDefault();
      keys[event.key]();
    }
  });

  memoOf(null);
  draw();
})();
