"""Quality of enhanced speech, one recording at a time: SI-SNR, SI-SDR, PESQ, STOI and DNSMOS.

The packages are optional (`pip install "neurodeploy[metrics]"`) and asked for on use. All take
16 kHz mono, (samples,). Higher is better everywhere.

    si_snr    dB; both without their means, s_t = <e, s> s / |s|^2,
              10 log10(|s_t|^2 / (|e - s_t|^2 + 1e-8) + 1e-8): N-DNS challenge, arXiv:2303.09503
    si_sdr    dB; the same with the means left in: Le Roux et al. 2019 (arXiv:1811.02508)
    pesq_wb   ITU-T P.862.2, wide band; pesq_nb: P.862, narrow band, of both resampled to 8 kHz
    stoi      Taal et al. 2011; estoi: Jensen and Taal 2016
    dnsmos    ITU-T P.835 estimates (sig, bak, ovrl) by Microsoft's network, without a reference
"""

from __future__ import annotations

import importlib
import importlib.util
import math
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from neurodeploy.errors import BackendUnavailable, DataError, Diagnostic
from neurodeploy.zoo.audio.io import SAMPLE_RATE, resample

Samples = npt.NDArray[np.floating]
EPSILON = 1e-8

DNSMOS_SAMPLES = 144_160  # 9.01 s: what its network hears
# Raw outputs to the scale of the listening test (microsoft/DNS-Challenge, DNSMOS/dnsmos_local.py):
# a x^2 + b x + c.
DNSMOS_FITS = {
    "sig": (-0.08397278, 1.22083953, 0.0052439),
    "bak": (-0.13166888, 1.60915514, -0.39604546),
    "ovrl": (-0.06766283, 1.11546468, 0.04602535),
}


HINT = 'pip install "neurodeploy[metrics]"'


def _missing(name: str, why: object, hint: str = HINT) -> BackendUnavailable:
    detail = f"this metric needs the Python package {name} ({why})"
    return BackendUnavailable(Diagnostic(name, "package-missing", detail, hint))


def required(name: str, hint: str = HINT) -> Any:
    """The package; BackendUnavailable, with what installs it, without."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise _missing(name, error, hint) from error


def si_snr(estimate: Samples, clean: Samples) -> float:
    """Scale-invariant signal-to-noise ratio, dB."""
    e, s = (np.asarray(x, dtype=np.float64) for x in (estimate, clean))
    return _projection_ratio(e - e.mean(), s - s.mean())


def si_sdr(estimate: Samples, clean: Samples) -> float:
    """Scale-invariant signal-to-distortion ratio, dB."""
    return _projection_ratio(*(np.asarray(x, dtype=np.float64) for x in (estimate, clean)))


def _projection_ratio(e: Samples, s: Samples) -> float:
    target = (e @ s) / (s @ s + EPSILON) * s
    rest = e - target
    return float(10.0 * np.log10((target @ target) / (rest @ rest + EPSILON) + EPSILON))


def pesq_wb(estimate: Samples, clean: Samples) -> float:
    """Wide-band PESQ, 1.04 to 4.64; DataError where it finds no speech."""
    return _pesq(SAMPLE_RATE, estimate, clean, "wb")


def pesq_or_nan(estimate: Samples, clean: Samples) -> float:
    """Wide-band PESQ, nan where it finds no speech."""
    try:
        return pesq_wb(estimate, clean)
    except DataError:
        return math.nan


def pesq_nb(estimate: Samples, clean: Samples) -> float:
    """Narrow-band PESQ of both at 8 kHz, 1.02 to 4.55; DataError where it finds no speech."""
    e, s = (resample(np.asarray(x, dtype=np.float32), SAMPLE_RATE, 8000) for x in (estimate, clean))
    return _pesq(8000, e, s, "nb")


def _pesq(rate: int, estimate: Samples, clean: Samples, band: str) -> float:
    pesq = required("pesq")
    try:
        return float(pesq.pesq(rate, clean, estimate, band))
    except pesq.PesqError as error:
        raise DataError(Diagnostic("pesq", "no-speech", str(error))) from error


def stoi(estimate: Samples, clean: Samples) -> float:
    """Short-time objective intelligibility, at most 1; nan where there is too little speech."""
    return _stoi(estimate, clean, extended=False)


def estoi(estimate: Samples, clean: Samples) -> float:
    """Extended STOI, at most 1; nan where there is too little speech."""
    return _stoi(estimate, clean, extended=True)


def _stoi(estimate: Samples, clean: Samples, *, extended: bool) -> float:
    pystoi = required("pystoi")
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)  # it returns 1e-5 then
        try:
            return float(pystoi.stoi(clean, estimate, SAMPLE_RATE, extended=extended))
        except RuntimeWarning:
            return math.nan


@cache
def _dnsmos_session() -> Any:
    runtime = required("onnxruntime")
    wheel = importlib.util.find_spec("speechmos")  # importing it would ask for librosa
    if wheel is None or not wheel.submodule_search_locations:
        raise _missing("speechmos", "it carries DNSMOS's network")
    model = Path(wheel.submodule_search_locations[0]) / "dnsmos_models" / "sig_bak_ovr.onnx"
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return runtime.InferenceSession(
        str(model), sess_options=options, providers=["CPUExecutionProvider"]
    )


def dnsmos(audio: Samples) -> dict[str, float]:
    """sig, bak and ovrl, 1 to 5: means over windows of 9.01 s, one a second.

    Windows are Microsoft's script's: a recording that is shorter is doubled until it is not.
    """
    session = _dnsmos_session()
    x = np.asarray(audio, dtype=np.float32)
    while x.size < DNSMOS_SAMPLES:
        x = np.concatenate([x, x])
    count = int(x.size // SAMPLE_RATE - DNSMOS_SAMPLES / SAMPLE_RATE) + 1
    starts = [i * SAMPLE_RATE for i in range(count)]
    windows = [x[start : start + DNSMOS_SAMPLES] for start in starts]
    raw = np.array([session.run(None, {"input_1": w[None]})[0][0] for w in windows])
    columns = zip(DNSMOS_FITS.items(), raw.T, strict=True)
    return {name: float(np.polyval(fit, column).mean()) for (name, fit), column in columns}
