-- Runs the client against a server inside Neovim; prints what that server was sent, as JSON.
-- usage: nvim --headless --clean -l forwards.lua CLIENT_FOLDER FILE

vim.opt.runtimepath:prepend(arg[1])

local sent = {}

local function server()
  local closing = false
  return {
    request = function(method, params, callback)
      if method == 'initialize' then
        local commands = { 'habitus.rate', 'habitus.decide', 'habitus.decisionOutcome' }
        callback(nil, {
          capabilities = {
            positionEncoding = 'utf-16',
            textDocumentSync = { openClose = true, change = 2 },
            executeCommandProvider = { commands = commands },
          },
        })
      elseif method == 'workspace/executeCommand' then
        table.insert(sent, { method = params.command, params = params.arguments[1] })
        callback(nil, { recorded = true })
      else
        callback(nil, vim.NIL)
      end
      return true, 1
    end,
    notify = function(method, params)
      if vim.startswith(method, 'habitus/') then
        table.insert(sent, { method = method, params = params })
      end
      return true
    end,
    is_closing = function()
      return closing
    end,
    terminate = function()
      closing = true
    end,
  }
end

---@param count integer
local function wait_for(count)
  assert(vim.wait(8000, function()
    return #sent >= count
  end, 20), 'the server was sent only ' .. vim.inspect(sent))
end

require('habitus').setup({ cmd = server, keys = false })
vim.cmd.edit(arg[2])
assert(vim.wait(8000, function()
  return #vim.lsp.get_clients({ name = 'habitus', bufnr = 0, _uninitialized = false }) > 0
end, 20))

local other = vim.api.nvim_create_namespace('another server')
local own = vim.api.nvim_create_namespace('own')
vim.diagnostic.set(own, 0, { { lnum = 0, col = 0, message = 'ours', source = 'habitus' } })
vim.diagnostic.set(other, 0, {
  { lnum = 0, col = 9, end_lnum = 0, end_col = 12, message = 'unknown', source = 'lint', code = 'F821', severity = 1 },
})
wait_for(1)
vim.diagnostic.set(other, 0, {})
wait_for(2)
vim.cmd('Habitus bad quite outdated')
wait_for(3)

local answers = { 'Where?', 'here', 'here; there', '' }
vim.ui.input = function(_, on_answer)
  on_answer(table.remove(answers, 1))
end
vim.cmd('Habitus decide')
wait_for(4)
vim.cmd('Habitus outcome d1 it held')
wait_for(5)
print(vim.json.encode(sent))
