"""Forecasts of a characteristic's series, one number a trip, day or week; integers only, bounded memory, for any device.

Every model has the same face. `Model(parameters)`; `update(actual)` takes the next number in quanta; `forecast(h)` gives the
number h steps ahead in quanta, half up, and `forecast_ulps(h)` the same in 1/256 of a quantum; `ready` tells whether it
has seen enough; `response(j)` how much of an error of now is in the forecast j steps on; `state()` and `restore(list)` are
its checkpoint. `update` allocates nothing on a 31-bit machine.

    fixed_point      numbers with a fraction, gains, products split so that they fit
    wide_sum         sums that outgrow a machine word
    naive, simple_smoothing, trend, holt_winters     the models
    choice           several of them at once, and which of them speaks
    customer_factor  simple smoothing moved by what is known of the customer
    series_model     which of these a pack asks for
    growth           whether a model that feeds itself stays within bounds
    factor_weight    what is known of the customer, as one weight, by what a server learned
    error_scale, interval, quantile_step     how far off forecasts are, and what to expect
    error_ledger     the record of errors: CFE, MAD, MSE, MAPE, MASE and so on
"""
