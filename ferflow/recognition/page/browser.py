"""What a browser that shows the page may load: only what comes from the page's own address."""

from typing import Any

POLICY = (
    "default-src 'self' data: blob:; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
    "style-src 'self' 'unsafe-inline'; frame-ancestors 'none'"
)


class OnlyFromHere:
    """ASGI middleware that puts a Content-Security-Policy on every answer."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def send_with_policy(message: Any) -> None:
            if message["type"] == "http.response.start":
                policy = (b"content-security-policy", POLICY.encode())
                message["headers"] = [*message.get("headers", []), policy]
            await send(message)

        await self._app(scope, receive, send_with_policy)


def middleware() -> list[Any]:
    """As FastAPI takes it: the policy, and no answer under another name than this machine's.

    A web page elsewhere can have its own name lead to 127.0.0.1 and then read what we answer.
    """
    from starlette.middleware import Middleware
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    here = ["127.0.0.1", "localhost"]
    return [Middleware(OnlyFromHere), Middleware(TrustedHostMiddleware, allowed_hosts=here)]
