/* SPDX-License-Identifier: Apache-2.0 */
#include "app/trial.h"

#include "app/protocol.h"

void trial_switch(node_settings *settings, uint8_t from, uint8_t to)
{
    node_update *const update = &settings->update;
    const bool on_trial = update->state == NODE_MODEL_ON_TRIAL;
    if (to == from) {
        return;
    }
    if (to == NODE_BUILTIN_MODEL || (on_trial && to == update->before)) {
        update->state = NODE_MODEL_PROVEN;
        return;
    }
    update->before = on_trial ? update->before : from;
    update->state = NODE_MODEL_ON_TRIAL;
    update->starts = NODE_TRIAL_STARTS;
}

void trial_give_up(node_settings *settings)
{
    settings->remote.slot = settings->update.before;
    settings->update.state = NODE_MODEL_GIVEN_UP;
}

void trial_start(node_settings *settings, bool watchdog)
{
    node_update *const update = &settings->update;
    if (update->state != NODE_MODEL_ON_TRIAL) {
        return;
    }
    if (watchdog || update->starts == 0) {
        trial_give_up(settings);
    } else {
        --update->starts;
    }
}
