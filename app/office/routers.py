"""All pages of the office, in the order in which their paths are tried."""

from app.bench.router import router as bench
from app.engine_room.router import router as engine_room
from app.knowledge.editor_router import router as editor
from app.knowledge.import_router import router as imports

ROUTERS = (bench, editor, engine_room, imports)
