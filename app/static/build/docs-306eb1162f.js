"use strict";(()=>{window.SwaggerUIBundle({url:"/openapi.json",dom_id:"#api",deepLinking:!0,tryItOutEnabled:!0});})();
