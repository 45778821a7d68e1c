"""The command line: parse, call the core, print.

Nothing heavy is imported before a command needs it, and none of the commands but the
window and the report, whose PDF it sets, imports Qt.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from liverview import DISCLAIMER, __version__

if TYPE_CHECKING:
    from liverview.measurement import Measurement
    from liverview.metrics import LabelScore
    from liverview.volume import LabelMap

_COMMANDS = ("segment", "phantom", "measure", "report", "evaluate", "train", "system")
_NO_REFERENCE = (
    '"-": the reference lacks the label; the volume error is then invented volume, and the scan\n'
    'is left out of that label\'s medians. "inf": only the segmentation lacks it.'
)
_SOFT_DICE = (
    "soft slice Dice: on probabilities, slice by slice, averaged over all slices; "
    "for comparison only."
)
T = TypeVar("T")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0, or 2 after one clear sentence."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    command = given[0] if given and given[0] in _COMMANDS else None
    options = (_command_parser() if command else _window_parser()).parse_args(given)
    try:
        with _stopped_by_signals():
            code: int = options.run(options)
            if sys.stdout is not None:  # a program without a terminal on Windows has none
                sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read the output has seen enough; nothing is left to say to anybody.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 2
    except KeyboardInterrupt:
        print("liverview: stopped.", file=sys.stderr)
        return 130
    except _expected_errors() as error:
        print(f"liverview: {error}", file=sys.stderr)
        return 2
    return code


@contextlib.contextmanager
def _stopped_by_signals() -> Iterator[None]:
    """Being asked to end cleans up as Ctrl-C does; nothing partial is left behind."""
    names = [signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
    before = {name: signal.getsignal(name) for name in names}
    for name, handler in before.items():
        if handler is signal.SIG_DFL:  # not where it is ignored, as under nohup
            signal.signal(name, signal.default_int_handler)
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)


def _expected_errors() -> tuple[type[Exception], ...]:
    """Everything that a person can cause; all else is a bug and keeps its traceback."""
    return (ValueError, OSError, MemoryError)


def _window_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="liverview",
        description=f"Look at livers on CT and segment them. {DISCLAIMER}",
        epilog=f"Commands without a window: {', '.join(_COMMANDS)}; "
        "liverview COMMAND --help says more.",
    )
    parser.add_argument("scan", nargs="?", type=Path, metavar="SCAN", help="NIfTI file to open")
    parser.add_argument("--phantom", type=int, metavar="SEED", help="open a generated phantom")
    parser.add_argument("--segment", action="store_true", help="start segmenting at once")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="segment, write label map, measurements and a screenshot there, and quit",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace files in DIR")
    parser.add_argument("--version", action="version", version=f"liverview {__version__}")
    parser.set_defaults(run=_view)
    return parser


def _command_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="liverview")
    commands = parser.add_subparsers(required=True)

    segment = commands.add_parser(
        "segment",
        help="segment scans",
        description=f"Segment one scan, or many: while one is computed, the next is read and the "
        f"last one saved. {DISCLAIMER}",
    )
    segment.add_argument(
        "scans", type=Path, nargs="+", metavar="SCAN", help="a NIfTI file, or a folder of them"
    )
    segment.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="OUT",
        help="LABELS.nii.gz; or a folder, which gets NAME_seg.nii.gz of every scan",
    )
    segment.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps")
    segment.add_argument("--json", type=Path, metavar="FILE", help="write measurements there")
    segment.add_argument("--volume", type=int, metavar="N", help="of 4D files, from 0")
    segment.add_argument(
        "--weights", type=Path, metavar="DIR", help="coarse and fine.safetensors of your own"
    )
    segment.add_argument("--masks", action="store_true", help="one binary file per label, too")
    segment.add_argument(
        "--side-files",
        action="store_true",
        help="names and colors beside each label map, too: ITK-SNAP (.txt), Slicer (.ctbl), JSON",
    )
    segment.add_argument("--overwrite", action="store_true", help="replace existing files")
    segment.set_defaults(run=_segment)

    phantom = commands.add_parser("phantom", help="write a synthetic CT with its labels")
    phantom.add_argument("folder", type=Path, nargs="?", metavar="DIR")
    phantom.add_argument(
        "--sheet",
        type=Path,
        metavar="FILE.png",
        help="instead of DIR: a picture of twelve samples as training sees them",
    )
    phantom.add_argument("--seed", type=int, default=0)
    phantom.add_argument("--shape", type=int, nargs=3, metavar=("I", "J", "K"))
    phantom.add_argument("--spacing", type=float, nargs=3, metavar=("X", "Y", "Z"))
    phantom.add_argument("--lesions", type=int, metavar="N")
    phantom.add_argument("--noise", type=float, metavar="HU")
    phantom.add_argument("--phase", choices=("native", "arterial", "portal", "delayed"))
    phantom.add_argument(
        "--region",
        choices=("liver", "chest", "pelvis", "head"),
        help="what the image is centered on; only the first shows the liver",
    )
    phantom.add_argument("--device", help="cpu, cuda or cuda:N; each kind draws other voxels")
    phantom.add_argument("--overwrite", action="store_true", help="replace existing files")
    phantom.set_defaults(run=_phantom)

    measure = commands.add_parser("measure", help="volumes and lesions of a label map")
    measure.add_argument("labels", type=Path, metavar="LABELS")
    measure.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    measure.add_argument("--overwrite", action="store_true", help="replace an existing file")
    measure.set_defaults(run=_measure)

    report = commands.add_parser(
        "report",
        help="a report of a scan and its label map",
        description="Write NAME_report.html and .pdf, the measurements as JSON, and lesions and "
        f"totals as CSV. No screen is needed. {DISCLAIMER}",
    )
    report.add_argument("scan", type=Path, metavar="SCAN")
    report.add_argument("labels", type=Path, metavar="LABELS", help="on the scan's grid")
    report.add_argument("-o", "--output", type=Path, required=True, metavar="DIR")
    report.add_argument(
        "--volume", type=int, default=0, metavar="N", help="of 4D files, 0 if not said"
    )
    report.add_argument("--overwrite", action="store_true", help="replace existing files")
    report.set_defaults(run=_report)

    evaluate = commands.add_parser(
        "evaluate",
        help="compare label maps with references",
        description="Compare PREDICTED with REFERENCE, or segment every case of a folder and "
        "compare that. The liver is the organ, with its vessels and tumors; vessels are compared "
        "inside the reference's organ.",
        epilog=f"{_NO_REFERENCE} {_SOFT_DICE}",
    )
    evaluate.add_argument("predicted", type=Path, nargs="?", metavar="PREDICTED")
    evaluate.add_argument("reference", type=Path, nargs="?", metavar="REFERENCE")
    evaluate.add_argument(
        "--cases",
        type=Path,
        metavar="DIR",
        help="a folder per case in it, with ct.nii.gz and reference.nii.gz",
    )
    evaluate.add_argument("--device", help="with --cases: auto, cpu, cuda, cuda:N or mps")
    evaluate.add_argument(
        "--montage",
        type=Path,
        metavar="FILE.png",
        help="with --cases: a picture of every case's worst slice",
    )
    evaluate.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    evaluate.add_argument("--overwrite", action="store_true", help="replace existing files")
    evaluate.set_defaults(run=_evaluate)

    system = commands.add_parser("system", help="versions, devices and weights, for a question")
    system.set_defaults(run=_system)

    train = commands.add_parser("train", help="train a network on phantoms or scans")
    train.add_argument("recipe", type=Path, metavar="RECIPE.toml")
    train.add_argument(
        "--data",
        metavar="DIR",
        help="phantom; or what the recipe asks for: a folder of the Medical Segmentation "
        "Decathlon (dataset.json), or one with a folder per scan (ct.nii.gz, liver.nii.gz)",
    )
    train.add_argument("--out", type=Path, default=Path("runs"), metavar="DIR")
    train.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    train.add_argument("--resume", action="store_true", help="go on where DIR stopped")
    train.add_argument("--init", type=Path, metavar="FILE", help="begin with these weights")
    train.set_defaults(run=_train)
    return parser


# ---- commands ----------------------------------------------------------------------------


def _view(options: argparse.Namespace) -> int:
    from liverview.ui.app import run

    if options.out is not None:
        if options.scan is None and options.phantom is None:
            raise ValueError("--out needs something to segment: a SCAN, or --phantom SEED.")
        options.out.mkdir(parents=True, exist_ok=True)
        if any(options.out.glob("*_seg.nii.gz")) and not options.overwrite:
            raise ValueError(f"{options.out} holds results already: add --overwrite.")
    phantom = None
    if options.phantom is not None and options.scan is None:
        from liverview.phantom import PhantomConfig

        phantom = PhantomConfig(seed=options.phantom)
    code: int = run(options.scan, phantom, options.segment, options.device, options.out)
    return code


def _segment(options: argparse.Namespace) -> int:
    from liverview import nifti
    from liverview.cohort import Failed, Segmented, find_tasks, segment_cohort
    from liverview.device import pick_device
    from liverview.inference import load_models
    from liverview.measurement import report
    from liverview.sidefiles import SideFiles

    tasks = find_tasks(options.scans, options.output)
    if tasks[0].output != options.output:
        options.output.mkdir(parents=True, exist_ok=True)
    targets = [task.output for task in tasks]
    if options.masks:
        for path in list(targets):
            targets += nifti.mask_paths(path.parent, nifti.stem(path)).values()
    side = [path for t in tasks for path in SideFiles.of(t.output) if options.side_files]
    _check_outputs(options, [task.scan for task in tasks], *targets, side_files=side)
    device = str(pick_device(options.device))
    figures: dict[str, Any] = {}
    failed: dict[str, str] = {}
    results = segment_cohort(
        tasks,
        load_models(options.weights),
        device,
        index=options.volume,
        masks=options.masks,
        side_files=options.side_files,
        weights=options.weights,
        overwrite=options.overwrite,
    )
    for item in _shown(results):
        if isinstance(item, Failed):
            if len(tasks) == 1:
                raise item.error
            failed[str(item.task.scan)] = str(item.error)
            print(f"liverview: {item.error}", file=sys.stderr)
        elif isinstance(item, Segmented):
            _print_volumes(item.measurement)
            names = ", ".join(str(path) for path in item.written)
            print(f"{names} written, segmented in {item.seconds:.1f} s on {device}.", flush=True)
            figures[str(item.task.scan)] = report(
                item.volume, item.measurement, device=device, seconds=round(item.seconds, 2)
            )
    if options.json:
        alone = len(tasks) == 1
        _write_json(
            options.json,
            next(iter(figures.values())) if alone else {"scans": figures, "failed": failed},
        )
    return 2 if failed else 0


def _phantom(options: argparse.Namespace) -> int:
    from liverview import nifti
    from liverview.device import pick_device
    from liverview.phantom import Case, PhantomConfig, Phase, Region, generate

    if (options.folder is None) == (options.sheet is None):
        raise ValueError("phantom needs a DIR to write a scan into, or --sheet FILE.png.")
    if options.sheet:
        return _sheet(options)
    device = str(pick_device(options.device or "cpu"))
    given = {
        "shape": options.shape and tuple(options.shape),
        "spacing": options.spacing and tuple(options.spacing),
        "lesions": options.lesions,
        "noise_hu": options.noise,
        "phase": options.phase and Phase(options.phase),
        "region": options.region and Region(options.region),
    }
    config = PhantomConfig(
        seed=options.seed, **{name: value for name, value in given.items() if value is not None}
    )
    targets = options.folder / "ct.nii.gz", options.folder / "labels.nii.gz"
    options.folder.mkdir(parents=True, exist_ok=True)
    for target in targets:
        nifti.check_target(target, overwrite=options.overwrite)
    case = _last(_shown(generate(config, device)), Case)
    again = options.overwrite
    _exhaust(_shown(nifti.save_labels(targets[1], case.labels, case.volume, overwrite=again)))
    _exhaust(_shown(nifti.save_volume(targets[0], case.volume, overwrite=again)))
    print(f"{targets[0]} and {targets[1]} written.")
    return 0


def _sheet(options: argparse.Namespace) -> int:
    import numpy as np
    from PIL import Image

    from liverview.files import check_target, replacing
    from liverview.phantom import PhantomConfig
    from liverview.phantom.sheet import contact_sheet

    seed = PhantomConfig(seed=options.seed).seed
    check_target(options.sheet, overwrite=options.overwrite)
    picture = _last(_shown(contact_sheet(seed)), np.ndarray)
    with replacing(options.sheet) as temporary:
        Image.fromarray(picture).save(temporary, "PNG")
    print(f"{options.sheet} written.")
    return 0


def _measure(options: argparse.Namespace) -> int:
    from liverview.measurement import measure
    from liverview.measurement.export import figures

    _check_outputs(options, [options.labels])
    measurement = measure(_read_labels(options.labels))
    _print_volumes(measurement)
    for lesion in measurement.lesions:
        x, y, z = lesion.centroid_mm
        print(
            f"lesion {lesion.number:<3} {lesion.volume_ml:10.2f} mL  "
            f"{lesion.axial_diameter_mm:6.1f} x {lesion.perpendicular.length_mm:.1f} mm"
            f"  at {x:.0f} {y:.0f} {z:.0f} mm"
        )
    if options.json:
        _write_json(options.json, figures(measurement))
    return 0


def _system(options: argparse.Namespace) -> int:
    from liverview.diagnostics import diagnosing

    for what, value in diagnosing():
        print(f"{what:<20} {value}")
    return 0


def _report(options: argparse.Namespace) -> int:
    from liverview import nifti
    from liverview.files import check_target
    from liverview.report import Origin, Reported, report_paths, reporting
    from liverview.volume import Volume

    try:
        from liverview.ui import pdf
    except ImportError as error:
        raise ValueError(
            f"the PDF needs a library that is not installed ({error}): see README, Start."
        ) from error
    pdf.ready()
    if options.output.exists() and not options.output.is_dir():
        raise ValueError(f"{options.output} is no folder: choose another name.")
    options.output.mkdir(parents=True, exist_ok=True)
    for path in report_paths(options.output, nifti.stem(options.scan)):
        check_target(path, overwrite=options.overwrite)
    volume = _last(_shown(nifti.load(options.scan, options.volume)), Volume)
    labels = _read_labels(options.labels)
    origin = Origin(scan=options.scan.name, labels=options.labels.name)
    work = reporting(volume, labels, options.output, origin, pdf.write_pdf)
    for path in _last(_shown(work), Reported).paths:
        print(f"{path} written.")
    return 0


def _evaluate(options: argparse.Namespace) -> int:
    if options.cases is not None:
        return _evaluate_cases(options)
    if options.reference is None:
        raise ValueError("evaluate needs PREDICTED and REFERENCE, or --cases DIR.")
    if options.montage or options.device:
        raise ValueError("--montage and --device need scans to segment: add --cases DIR.")
    from liverview.metrics import evaluate
    from liverview.summary import MAP_FIGURES, heading, row

    _check_outputs(options, [options.predicted, options.reference])
    scores = evaluate(_read_labels(options.predicted), _read_labels(options.reference))
    print(heading(MAP_FIGURES))
    for score in scores:
        print(row(score, MAP_FIGURES))
    if options.json:
        _write_json(options.json, _by_name(scores))
    return 0


def _evaluate_cases(options: argparse.Namespace) -> int:
    if options.predicted is not None:
        raise ValueError(f"--cases segments its scans itself: leave {options.predicted} out.")
    from liverview.device import pick_device
    from liverview.evaluation import CT, REFERENCE, CaseResult, evaluate_case, find_cases
    from liverview.inference import load_models
    from liverview.montage import save_montage
    from liverview.summary import SCAN_FIGURES, heading, row, summary, summary_dict

    folders = find_cases(options.cases)
    _check_outputs(options, [folder / name for folder in folders for name in (CT, REFERENCE)])
    device, models = str(pick_device(options.device or "auto")), load_models()
    width = max(len(folder.name) for folder in folders)
    results: list[CaseResult] = []
    failed: dict[str, str] = {}
    print(f"{'scan':<{width}}  {heading(SCAN_FIGURES)}")
    for folder in folders:
        try:
            result = _last(_shown(evaluate_case(folder, models, device)), CaseResult)
        except _expected_errors() as error:
            failed[folder.name] = str(error)
            print(f"liverview: {folder.name}: {error}", file=sys.stderr)
            continue
        results.append(result)
        for score in result.scores:
            print(f"{result.name:<{width}}  {row(score, SCAN_FIGURES)}")
    if not results:
        return 2
    scores = [result.scores for result in results]
    print("", *summary(scores), "", _NO_REFERENCE, _SOFT_DICE, sep="\n")
    if options.json:
        scans = {r.name: {"seconds": round(r.seconds, 2), **_by_name(r.scores)} for r in results}
        figures = {"scans": scans, "medians": summary_dict(scores), "failed": failed}
        _write_json(options.json, figures | {"device": device})
    if options.montage:
        save_montage(options.montage, [(result.name, result.picture) for result in results])
        print(f"{options.montage} written.")
    return 2 if failed else 0


def _train(options: argparse.Namespace) -> int:
    # Before numpy starts its threads: with one process per core, they would fight.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from liverview.training.recipe import read_recipe

    recipe = read_recipe(options.recipe)
    try:
        from liverview.training.run import train
    except ImportError as error:
        raise ValueError(
            f"training needs packages that are not installed ({error.name}): "
            "pip install 'liverview[train]'."
        ) from error
    data = None if options.data in (None, "phantom") else Path(options.data)
    try:
        path = train(recipe, options.out, options.device, options.resume, options.init, data)
    except KeyboardInterrupt:
        print(f"What {options.out} holds goes on with --resume.", file=sys.stderr)
        raise
    print(f"{path} written.")
    return 0


# ---- output ------------------------------------------------------------------------------


def _print_volumes(measurement: Measurement) -> None:
    for label, ml in measurement.volume_ml.items():
        print(f"{label.name.lower():<7} {ml:10.1f} mL")


def _read_labels(path: Path) -> LabelMap:
    """A label map in our values; what its values were taken for is said where it is not plain."""
    from liverview.nifti import read_named

    found = read_named(path)
    if found.remark:
        print(f"{path.name}: {found.remark}", file=sys.stderr)
    return found.mapped()


def _by_name(scores: Sequence[LabelScore]) -> dict[str, Any]:
    return {score.label.name.lower(): score.to_dict() for score in scores}


def _check_outputs(
    options: argparse.Namespace,
    inputs: list[Path],
    *labels: Path,
    side_files: Sequence[Path] = (),
) -> None:
    """Before long work: every output can be written, and none is an input or another one."""
    from liverview import files, nifti

    seen = {path.resolve(): "is read" for path in inputs}
    montage = getattr(options, "montage", None)
    if montage and montage.suffix.lower() != ".png":
        raise files.TargetError(f"{montage} must end in .png: the montage is a PNG.")
    for path in (*labels, *side_files, *(path for path in (options.json, montage) if path)):
        taken = seen.get(path.resolve())
        if taken:
            raise files.TargetError(f"{path} {taken} by this command: choose another name.")
        seen[path.resolve()] = "is written already"
        check = nifti.check_target if path in labels else files.check_target
        check(path, overwrite=options.overwrite)


def _write_json(path: Path, content: dict[str, Any]) -> None:
    from liverview.files import write_json

    write_json(path, content)
    print(f"{path} written.")


def _noting(stream: Iterable[T], notes: list[str]) -> Iterator[T]:
    """Pass a stream on and keep what its notices say."""
    from liverview.stream import Notice

    for item in stream:
        if isinstance(item, Notice):
            notes.append(item.text)
        yield item


def _shown(stream: Iterable[T]) -> Iterator[T]:
    """Pass a stream on; on a terminal, draw its progress and print its notices."""
    from liverview.stream import Notice, Progress

    terminal = sys.stderr.isatty()
    clear = "\r\033[K" if terminal else ""
    try:
        for item in stream:
            if isinstance(item, Notice):
                print(f"{clear}{item.text}", file=sys.stderr)
            elif isinstance(item, Progress) and terminal:
                bar = "█" * round(24 * min(item.fraction, 1))
                line = f"\r{item.phase:<24} {bar:<24} {item.fraction:4.0%}"
                print(line, end="", file=sys.stderr, flush=True)
            yield item
    finally:
        print(clear, end="", file=sys.stderr)


def _last(stream: Iterable[Any], kind: type[T]) -> T:
    """The last item of a stream, which is its result."""
    *_, item = stream
    if not isinstance(item, kind):
        raise TypeError(f"the stream ended with {item!r}, not with a {kind.__name__}")
    return item


def _exhaust(stream: Iterable[Any]) -> None:
    for _ in stream:
        pass
