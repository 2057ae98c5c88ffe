--- Habitus for Neovim 0.12 and later: configures the language server, shows its inline
--- completions, and reports what Neovim itself does not: what was shown, what was
--- accepted in part, what was dismissed, and what other servers say is wrong.
---
--- Everything else (whole acceptance, retention, learning) is the server's business.

local M = {}

---@class habitus.Options
---@field cmd? string[] How to start the server.
---@field filetypes? string[] Where to attach; every file type when nil.
---@field root_markers? string[]
---@field keys? habitus.Keys|false Key maps of insert mode; false sets none.

---@class habitus.Keys
---@field accept? string
---@field word? string
---@field line? string
---@field next? string
---@field dismiss? string

---@type habitus.Options
local defaults = {
  cmd = { 'habitus', 'serve' },
  root_markers = { '.git', 'pyproject.toml', 'package.json', 'Cargo.toml', 'go.mod' },
  keys = { accept = '<Tab>', word = '<M-Right>', line = '<M-C-Right>', next = '<M-]>', dismiss = '<C-]>' },
}

--- The newest status by client id, as `didChangeStatus` sent it.
---@type table<integer, { busy: boolean, message: string, kind: string }>
local status = {}

--- What Habitus has to say, for a statusline: "" when all is well.
---@return string
function M.status()
  for _, client in ipairs(vim.lsp.get_clients({ name = 'habitus', bufnr = 0 })) do
    local now = status[client.id]
    if now and (now.busy or now.kind ~= 'Normal') then
      return 'Habitus: ' .. now.message
    end
  end
  return ''
end

---@param item lsp.InlineCompletionItem
---@return { insertText: string, command: lsp.Command }
local function report_of(item)
  return { insertText = item.insertText or item.insert_text, command = item.command }
end

--- Neovim tells a server nothing of what it shows, so the reply handler is wrapped.
---@param client vim.lsp.Client
local function report_shown(client)
  local namespace = vim.api.nvim_create_namespace('nvim.lsp.inline_completion')
  local request = client.request
  ---@diagnostic disable-next-line: duplicate-set-field
  client.request = function(self, method, params, handler, bufnr)
    if method ~= 'textDocument/inlineCompletion' or not handler then
      return request(self, method, params, handler, bufnr)
    end
    return request(self, method, params, function(err, result, ctx)
      handler(err, result, ctx)
      local items = result and (result.items or result) or {}
      local marks = vim.api.nvim_buf_get_extmarks(bufnr, namespace, 0, -1, { limit = 1 })
      if items[1] and #marks > 0 then
        client:notify('textDocument/didShowCompletion', { item = report_of(items[1]) })
      end
    end, bufnr)
  end
end

--- Insert the beginning of the shown completion.
---@param take fun(rest: string): string What to insert of the text that is still missing.
---@return boolean accepted
local function accept_part(take)
  return vim.lsp.inline_completion.get({
    on_accept = function(item)
      local text = item.insert_text
      local client = vim.lsp.get_client_by_id(item.client_id)
      if type(text) ~= 'string' or not item.range or not client then
        return item
      end
      local row, column = unpack(vim.api.nvim_win_get_cursor(0))
      local _, start = item.range:to_extmark()
      local typed = vim.api.nvim_get_current_line():sub(start + 1, column)
      if not vim.startswith(text, typed) then
        return nil
      end
      local rest = text:sub(#typed + 1)
      local part = take(rest)
      if part == rest then
        return item
      end
      local lines = vim.split(part, '\n', { plain = true })
      vim.api.nvim_buf_set_text(0, row - 1, column, row - 1, column, lines)
      vim.api.nvim_win_set_cursor(0, { row + #lines - 1, (#lines == 1 and column or 0) + #lines[#lines] })
      client:notify('textDocument/didPartiallyAcceptCompletion', {
        item = report_of(item),
        acceptedLength = vim.str_utfindex(typed .. part, 'utf-16'),
      })
    end,
  })
end

--- Accept the next word of the shown completion.
---@return boolean accepted
function M.accept_word()
  return accept_part(function(rest)
    return rest:match('^%s*[%w_\128-\255]+') or rest:match('^%s*[^%w%s_\128-\255]+') or rest
  end)
end

--- Accept the shown completion up to the end of its line.
---@return boolean accepted
function M.accept_line()
  return accept_part(function(rest)
    return rest:match('^\n?[^\n]*')
  end)
end

--- Put the shown completion away, and tell the server not to offer it here again.
---@return boolean dismissed
function M.dismiss()
  return vim.lsp.inline_completion.get({
    on_accept = function(item)
      local client = vim.lsp.get_client_by_id(item.client_id)
      local command = item.command
      if client and command then
        client:exec_cmd({ title = 'Dismiss', command = 'habitus.dismiss', arguments = command.arguments })
      end
    end,
  })
end

---@param keys habitus.Keys
---@param bufnr integer
local function map_keys(keys, bufnr)
  local function map(key, run, what)
    if key then
      vim.keymap.set('i', key, function()
        return run() and '' or key
      end, { expr = true, buffer = bufnr, replace_keycodes = true, desc = 'Habitus: ' .. what })
    end
  end
  map(keys.accept, vim.lsp.inline_completion.get, 'accept')
  map(keys.word, M.accept_word, 'accept word')
  map(keys.line, M.accept_line, 'accept line')
  map(keys.dismiss, M.dismiss, 'dismiss')
  if keys.next then
    vim.keymap.set('i', keys.next, vim.lsp.inline_completion.select, { buffer = bufnr, desc = 'Habitus: next' })
  end
end

local REPORT_DELAY_MS = 500

---@param bufnr integer
---@param lnum integer
---@param col integer
---@param encoding string
---@return lsp.Position
local function position(bufnr, lnum, col, encoding)
  local line = vim.api.nvim_buf_get_lines(bufnr, lnum, lnum + 1, false)[1] or ''
  return { line = lnum, character = vim.str_utfindex(line, encoding, math.min(col, #line), false) }
end

--- Tell the server everything that is known to be wrong in a buffer, whoever found it.
---@param bufnr integer
local function report_diagnostics(bufnr)
  for _, client in ipairs(vim.lsp.get_clients({ name = 'habitus', bufnr = bufnr })) do
    local found = {}
    for _, one in ipairs(vim.diagnostic.get(bufnr)) do
      if one.source ~= 'habitus' then
        table.insert(found, {
          -- Where it is now: what the server sent may be about an older text.
          range = {
            start = position(bufnr, one.lnum, one.col, client.offset_encoding),
            ['end'] = position(bufnr, one.end_lnum or one.lnum, one.end_col or one.col, client.offset_encoding),
          },
          severity = one.severity,
          source = one.source,
          code = one.code,
          message = one.message,
        })
      end
    end
    client:notify('habitus/diagnostics', {
      uri = vim.uri_from_bufnr(bufnr),
      version = vim.lsp.util.buf_versions[bufnr],
      diagnostics = found,
    })
  end
end

--- The newest report that waits, by buffer.
---@type table<integer, integer>
local waiting = {}

---@param bufnr integer
local function report_diagnostics_soon(bufnr)
  local mine = (waiting[bufnr] or 0) + 1
  waiting[bufnr] = mine
  vim.defer_fn(function()
    if waiting[bufnr] == mine and vim.api.nvim_buf_is_loaded(bufnr) then
      report_diagnostics(bufnr)
    end
  end, REPORT_DELAY_MS)
end

--- Run a command of the server, and show its answer.
---@param command string
---@param argument table
---@param in_words? fun(result: table): string What to show of the answer; all of it otherwise.
local function run(command, argument, in_words)
  local client = vim.lsp.get_clients({ name = 'habitus' })[1]
  if not client then
    vim.notify('Habitus is not running.')
    return
  end
  client:exec_cmd({ title = command, command = command, arguments = { argument } }, nil, function(err, result)
    vim.notify(err and err.message or (in_words or vim.inspect)(result))
  end)
end

--- Say why the last place showed a suggestion, or did not.
function M.why()
  run('habitus.why', { uri = vim.uri_from_bufnr(0) }, function(result)
    return 'Habitus: ' .. result.sentence
  end)
end

--- Say what the suggestion that was shown or accepted last was worth.
---@param rating 'good'|'bad'
---@param word? string Why, in a word or a few.
function M.rate(rating, word)
  run('habitus.rate', { rating = rating, word = word ~= '' and word or nil })
end

local QUESTIONS = {
  { 'title', 'What was to be decided? ' },
  { 'choice', 'What was chosen? ' },
  { 'options', 'Among what (a; b; c)? ' },
  { 'reason', 'Why? ' },
}

--- Ask for a decision, and have it written down; an empty first answer ends it.
function M.decide()
  local told = { uri = vim.uri_from_bufnr(0) }
  local function ask(number)
    local question = QUESTIONS[number]
    if not question then
      told.options = vim.split(told.options, '%s*;%s*', { trimempty = true })
      run('habitus.decide', told)
      return
    end
    vim.ui.input({ prompt = question[2] }, function(answer)
      if answer and (answer ~= '' or number > 2) then
        told[question[1]] = answer
        ask(number + 1)
      end
    end)
  end
  ask(1)
end

---@param command string
---@return fun()
local function about_buffer(command)
  return function()
    run(command, { uri = vim.uri_from_bufnr(0) })
  end
end

---@type table<string, fun(rest: string)>
local COMMANDS = {
  learn = about_buffer('habitus.learnNow'),
  rollback = about_buffer('habitus.rollBack'),
  pause = about_buffer('habitus.pause'),
  resume = about_buffer('habitus.resume'),
  status = about_buffer('habitus.status'),
  why = function()
    M.why()
  end,
  good = function(word)
    M.rate('good', word)
  end,
  bad = function(word)
    M.rate('bad', word)
  end,
  decide = function()
    M.decide()
  end,
  outcome = function(rest)
    local id, outcome = rest:match('^(%S+)%s+(.+)$')
    if id then
      run('habitus.decisionOutcome', { id = id, outcome = outcome, uri = vim.uri_from_bufnr(0) })
    else
      vim.notify('Habitus: outcome ID TEXT')
    end
  end,
}

--- `:Habitus learn|rollback|pause|resume|status|why|good|bad|decide|outcome`
local function create_command()
  vim.api.nvim_create_user_command('Habitus', function(call)
    local name, rest = call.args:match('^(%S+)%s*(.*)$')
    local command = COMMANDS[name]
    if command then
      command(rest)
    else
      vim.notify('Habitus: no such command: ' .. call.args)
    end
  end, {
    nargs = '+',
    complete = function()
      return vim.tbl_keys(COMMANDS)
    end,
  })
end

--- Configure and enable the server.
---@param options? habitus.Options
function M.setup(options)
  local chosen = vim.tbl_deep_extend('force', defaults, options or {})
  vim.lsp.config('habitus', {
    cmd = chosen.cmd,
    filetypes = chosen.filetypes,
    root_markers = chosen.root_markers,
    -- Reports are notifications, before which Neovim does not flush held-back changes.
    flags = { debounce_text_changes = 0 },
    handlers = {
      didChangeStatus = function(_, params, ctx)
        status[ctx.client_id] = params
        vim.cmd.redrawstatus()
      end,
    },
    on_init = report_shown,
    on_attach = function(_, bufnr)
      vim.lsp.inline_completion.enable(true, { bufnr = bufnr })
      if #vim.diagnostic.get(bufnr) > 0 then
        report_diagnostics_soon(bufnr)
      end
      if chosen.keys then
        map_keys(chosen.keys, bufnr)
      end
    end,
    on_exit = function(_, _, client_id)
      status[client_id] = nil
    end,
  })
  create_command()
  vim.api.nvim_create_autocmd('DiagnosticChanged', {
    group = vim.api.nvim_create_augroup('habitus.diagnostics', {}),
    callback = function(event)
      report_diagnostics_soon(event.buf)
    end,
  })
  vim.lsp.enable('habitus')
end

return M
