// Grafana's JSON of a board, from the short form that boards/*.mjs have.
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const {
  DashboardBuilder,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  VariableRefresh,
} = require('@grafana/grafana-foundation-sdk/dashboard');
const { DataqueryBuilder } = require('@grafana/grafana-foundation-sdk/prometheus');
const { PanelBuilder: TimeSeries } = require('@grafana/grafana-foundation-sdk/timeseries');
const { PanelBuilder: Stat } = require('@grafana/grafana-foundation-sdk/stat');
const { PanelBuilder: Table } = require('@grafana/grafana-foundation-sdk/table');
const { LegendDisplayMode, LegendPlacement, ReduceDataOptionsBuilder, TooltipDisplayMode, VizLegendOptionsBuilder, VizTooltipOptionsBuilder } = require('@grafana/grafana-foundation-sdk/common'); // prettier-ignore

const DATASOURCE = { type: 'prometheus', uid: '${datasource}' };
const HEIGHT = 8;
const STAT_HEIGHT = 4;

/**
 * A board: `{id, title, description, variables: {name: metric}, rows: [{title, panels}]}`; a panel: `{title, unit,
 * queries: [[promql, legend]], kind: 'stat' | 'table' | undefined, description, span}`.
 */
export function grafanaBoard({ id, title, description, variables = {}, rows }) {
  const builder = new DashboardBuilder(`Frontier: ${title}`)
    .uid(`frontier-${id}`)
    .description(description)
    .tags(['frontier'])
    .readonly()
    .timezone('browser')
    .time({ from: 'now-1h', to: 'now' })
    .refresh('30s')
    .withVariable(new DatasourceVariableBuilder('datasource').label('Data source').type('prometheus'));
  for (const [name, metric] of Object.entries({ namespace: 'requests_in_flight', ...variables })) {
    builder.withVariable(variable(name, metric));
  }
  for (const row of rows) {
    builder.withRow(new RowBuilder(row.title));
    for (const panel of row.panels) builder.withPanel(panelOf(panel));
  }
  return builder.build();
}

/** Its values are those that the label has in a metric; all of them unless one is chosen, and none counts too. */
function variable(name, metric) {
  return new QueryVariableBuilder(name)
    .datasource(DATASOURCE)
    .query(`label_values(${metric}, ${name})`)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .includeAll(true)
    .allValue('.*')
    .current({ text: 'All', value: '$__all' });
}

function panelOf({ kind, title, description = '', unit = 'short', span, queries }) {
  const builder = kind === 'stat' ? stat() : kind === 'table' ? new Table() : timeSeries();
  builder
    .title(title)
    .description(description)
    .datasource(DATASOURCE)
    .unit(unit)
    .span(span ?? (kind === 'stat' ? 4 : 12))
    .height(kind === 'stat' ? STAT_HEIGHT : HEIGHT);
  for (const [index, [query, legend]] of queries.entries()) {
    const target = new DataqueryBuilder().refId(String.fromCharCode(65 + index)).expr(query).legendFormat(legend ?? ''); // prettier-ignore
    if (kind === 'table') target.format('table');
    builder.withTarget(kind ? target.instant() : target.range());
  }
  return builder;
}

function stat() {
  return new Stat().reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']));
}

function timeSeries() {
  const legend = new VizLegendOptionsBuilder()
    .displayMode(LegendDisplayMode.List)
    .placement(LegendPlacement.Bottom)
    .showLegend(true);
  return new TimeSeries()
    .lineWidth(1)
    .fillOpacity(8)
    .legend(legend)
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi));
}
