import encodeQR from "qr";

const NAMESPACE = "http://www.w3.org/2000/svg";

/** Draws a text as a QR code of level M, black on white with its quiet zone of 4 modules, 280 px wide. */
export function drawCode(text: string, description: string): SVGElement {
	const modules = encodeQR(text, "raw", { ecc: "medium", border: 4 });
	const size = modules.length;
	const path = modules.flatMap((row, y) => row.map((dark, x) => (dark ? `M${x} ${y}h1v1h-1z` : ""))).join("");
	const svg = part("svg", { viewBox: `0 0 ${size} ${size}`, width: "280", height: "280", role: "img", "aria-label": description, "shape-rendering": "crispEdges", class: "qr" });
	svg.append(part("rect", { width: "100%", height: "100%", fill: "#fff" }), part("path", { d: path, fill: "#000" }));
	return svg;
}

function part(name: string, attributes: Record<string, string>): SVGElement {
	const element = document.createElementNS(NAMESPACE, name) as SVGElement;
	for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
	return element;
}
