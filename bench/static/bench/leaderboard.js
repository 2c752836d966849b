// Sliders write their number beside them; no more models can be ticked than the chart can show;
// the link to the comparison follows what is ticked. The page works without any of it.
(function () {
  document.querySelectorAll('.weights input[type="range"]').forEach(function (slider) {
    slider.addEventListener("input", function () {
      slider.parentNode.querySelector("output").value = Number(slider.value).toFixed(1).replace(/\.0$/, "");
    });
  });
  var form = document.getElementById("board");
  if (!form) return;
  var most = Number(form.dataset.most);
  var link = document.querySelector("[data-compare]");
  var boxes = Array.from(document.querySelectorAll('input[name="models"][form="board"]'));
  function refresh() {
    var ticked = boxes.filter(function (box) { return box.checked; });
    boxes.forEach(function (box) {
      box.disabled = !box.checked && ticked.length >= most;
      box.closest("tr").classList.toggle("picked", box.checked);
    });
    if (link) {
      var address = new URL(link.href);
      address.searchParams.set("models", ticked.map(function (box) { return box.value; }).join(","));
      link.href = address;
    }
  }
  boxes.forEach(function (box) { box.addEventListener("change", refresh); });
  refresh();
})();
