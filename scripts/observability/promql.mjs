// Checks a PromQL query against what is exported: that it parses, that each metric and label in it is there, and that
// the two sides of an operator can match. Gives the labels of the answer, which legends and descriptions use.
import { parser } from '@prometheus-io/lezer-promql';

/** Labels that Prometheus adds when it scrapes: any query may use them. */
const TARGET = ['job', 'instance', 'namespace', 'pod', 'container', 'service'];
/** Of Grafana, with a value that parses in their place. */
const GRAFANA = [
  [/\$__rate_interval/g, '5m'],
  [/\$__range/g, '1h'],
];
const NO_LABELS = new Set(['Absent', 'AbsentOverTime', 'Scalar', 'Time', 'Vector']);
const KEEPS_SERIES = new Set(['Topk', 'Bottomk', 'LimitK', 'LimitRatio']);

/** Without Grafana's variables. */
export function plain(query) {
  return GRAFANA.reduce((text, [variable, value]) => text.replace(variable, value), query);
}

/**
 * `{faults, labels}`. `known`: a Map from the name of a series to its labels. Labels that are always there (those of
 * the target) count as known, but two sides need not both have them to match.
 */
export function checkQuery(query, known) {
  const text = plain(query);
  const checker = new Checker(text, known);
  const labels = checker.labelsOf(parser.parse(text).topNode.firstChild);
  return { faults: [...new Set(checker.faults)], labels: labels ?? new Set() };
}

class Checker {
  faults = [];
  #text;
  #known;

  constructor(text, known) {
    this.#text = text;
    this.#known = known;
  }

  /** Of the answer to this part of the query; undefined: it is a number, which has none. */
  labelsOf(node) {
    if (!node || node.type.isError) return this.#fault(`does not parse: ${this.#text}`);
    switch (node.name) {
      case 'VectorSelector':
        return this.#selector(node);
      case 'AggregateExpr':
        return this.#aggregate(node);
      case 'FunctionCall':
        return this.#call(node);
      case 'BinaryExpr':
        return this.#binary(node);
      case 'NumberDurationLiteral':
      case 'StringLiteral':
        return undefined;
      case 'UnaryExpr':
        return this.labelsOf(node.lastChild);
      default:
        this.#noErrors(node);
        return this.labelsOf(node.firstChild);
    }
  }

  #selector(node) {
    this.#noErrors(node);
    const name = this.#textOf(node.getChild('Identifier'));
    const labels = this.#known.get(name);
    if (!labels) return this.#fault(`nobody exports ${name || 'a series without a name'}`);
    const all = new Set([...labels, ...TARGET]);
    for (const matcher of node.getChild('LabelMatchers')?.getChildren('UnquotedLabelMatcher') ?? []) {
      this.#need(all, [this.#textOf(matcher.getChild('LabelName'))], name);
    }
    return all;
  }

  #aggregate(node) {
    this.#noErrors(node);
    const body = node.getChild('FunctionCallBody');
    const inner = this.labelsOf(argumentsOf(body).at(-1)) ?? new Set();
    const modifier = node.getChild('AggregateModifier');
    const names = this.#names(modifier?.getChild('GroupingLabels'));
    this.#need(inner, names, this.#textOf(body));
    if (KEEPS_SERIES.has(node.getChild('AggregateOp')?.firstChild?.name)) return inner;
    if (modifier?.getChild('Without')) return new Set([...inner].filter((label) => !names.includes(label)));
    return new Set(names);
  }

  #call(node) {
    this.#noErrors(node);
    const name = node.getChild('FunctionIdentifier').firstChild.name;
    const all = argumentsOf(node.getChild('FunctionCallBody')).map((arg) => this.labelsOf(arg));
    if (NO_LABELS.has(name)) return name === 'Scalar' || name === 'Time' ? undefined : new Set();
    const inner = all.find(Boolean) ?? new Set();
    if (name !== 'HistogramQuantile') return inner;
    this.#need(inner, ['le'], this.#text);
    return new Set([...inner].filter((label) => label !== 'le'));
  }

  #binary(node) {
    this.#noErrors(node);
    const [left, right] = [this.labelsOf(node.firstChild), this.labelsOf(node.lastChild)];
    if (!left || !right) return left ?? right;
    const operator = node.firstChild.nextSibling.name;
    const clause = node.getChild('MatchingModifierClause');
    const [first, second] = (clause?.getChildren('GroupingLabels') ?? []).map((list) => this.#names(list));
    const isOn = Boolean(clause?.getChild('On'));
    if (isOn) for (const side of [left, right]) this.#need(side, first, this.#text);
    if (operator === 'Or') return new Set([...left, ...right]);
    if (operator === 'And' || operator === 'Unless') return left;
    if (clause?.getChild('GroupLeft')) return new Set([...left, ...(second ?? [])]);
    if (clause?.getChild('GroupRight')) return new Set([...right, ...(second ?? [])]);
    if (isOn) return new Set(first);
    const rest = (side) =>
      [...side]
        .filter((label) => !(first ?? []).includes(label))
        .sort(byText)
        .join();
    if (rest(left) !== rest(right)) {
      this.#fault(`the sides cannot match, {${rest(left)}} and {${rest(right)}}: ${this.#text}`);
    }
    return new Set([...left].filter((label) => !(first ?? []).includes(label)));
  }

  #need(labels, names, where) {
    for (const name of names) if (!labels.has(name)) this.#fault(`no label ${name}: ${where}`);
  }

  #names(list) {
    return (list?.getChildren('LabelName') ?? []).map((label) => this.#textOf(label));
  }

  #noErrors(node) {
    for (let child = node.firstChild; child; child = child.nextSibling) {
      if (child.type.isError) this.#fault(`does not parse: ${this.#text}`);
    }
  }

  #textOf(node) {
    return node ? this.#text.slice(node.from, node.to) : '';
  }

  #fault(what) {
    this.faults.push(what);
    return new Set(TARGET);
  }
}

const byText = (one, other) => (one < other ? -1 : 1);

function argumentsOf(body) {
  const found = [];
  for (let child = body?.firstChild; child; child = child.nextSibling) {
    if (!/^[(),]$/.test(child.name)) found.push(child);
  }
  return found;
}
