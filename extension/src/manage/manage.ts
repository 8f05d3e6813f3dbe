import { byId } from "../dom";
import { openVault } from "../gate";
import { startPage } from "../page";

void startPage(() => openVault(byId("gate")));
