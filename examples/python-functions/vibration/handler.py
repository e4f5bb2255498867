"""Stage ingestion in Python: a second of an accelerometer's readings becomes four features."""

import math

# The order is that of the scenario's model input.
FEATURES = ("rms", "peak", "crest", "kurtosis")


def features_of(readings: object) -> dict[str, float]:
    """RMS, peak, crest factor and kurtosis (Pearson's, 3 for a normal distribution) of readings in m/s².

    Raises ValueError that says what is wrong: the message becomes the reason of a dead letter.
    """
    if not isinstance(readings, list) or len(readings) < 2:
        raise ValueError("the signal must be a list of at least two numbers")
    if not all(isinstance(value, int | float) and math.isfinite(value) for value in readings):
        raise ValueError("the signal must hold numbers alone")
    mean = math.fsum(readings) / len(readings)
    deviations = [value - mean for value in readings]
    variance = math.fsum(value * value for value in deviations) / len(readings)
    if variance == 0:
        raise ValueError("the signal must not be constant: the sensor seems to be stuck")
    rms = math.sqrt(variance)
    peak = max(abs(value) for value in deviations)
    kurtosis = math.fsum(value**4 for value in deviations) / len(readings) / variance**2
    return dict(zip(FEATURES, (rms, peak, peak / rms, kurtosis), strict=True))


def handle(event: dict) -> dict:
    """The data of the event that goes on to the next stage."""
    found = features_of(event.get("data"))
    return {
        "correlation_id": event.get("correlationid", event["id"]),
        "data_descriptor_name": "vibration",
        "feature_data": [{"feature_name": name, "data": value} for name, value in found.items()],
    }
