"""Predictions for tables larger than memory, on all cores of a machine or of a cluster."""

from sktl.scale._run import connect, local_cluster, predict_partitions

__all__ = ["connect", "local_cluster", "predict_partitions"]
