import { render } from "preact";
import "bootstrap/dist/css/bootstrap.min.css";
import "./style.css";
import "./theme";
import { App } from "./app";

render(<App />, document.getElementById("app")!);
