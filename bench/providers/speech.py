"""Models behind ``/audio/speech``."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from bench.files.kinds import SPEECH
from bench.providers.base import Completion
from bench.providers.media_endpoint import MediaEndpointClient

#: What OpenAI's own models know; ``gvsir language_model NAME --option voice=…`` says another one.
_VOICE: Final = "alloy"
#: Both judges' ``input_audio`` and every browser take it.
_FORMAT: Final = "mp3"


class SpeechClient(MediaEndpointClient):
    """Speaks each prompt."""

    kind: ClassVar[str] = SPEECH

    async def make(self, prompt: str, epoch: int) -> Completion:
        """Return the speech."""
        body: dict[str, Any] = {
            "model": self.model, "input": prompt, "voice": _VOICE, "response_format": _FORMAT, **self._options,
        }
        return Completion(text="", output=await self.file_of("POST", "/audio/speech", body))
