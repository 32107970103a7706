"""Small tensors gain nothing from threads that other tests' processes need."""

from __future__ import annotations

from tallyp2p.learning.builder import use_one_thread

use_one_thread()
