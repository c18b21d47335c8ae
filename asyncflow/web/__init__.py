"""Pages and a REST API of an orchestrator, to be mounted in a web app in one line.

::

    app.mount("/flows", asyncflow.web.dashboard(orchestrator, access=hook))

It needs the extra ``web``: Starlette and Jinja. Whatever it shows it asks the
orchestrator for; it opens and closes nothing.
"""

from asyncflow.web.access import Access as Access
from asyncflow.web.dashboard import dashboard as dashboard
