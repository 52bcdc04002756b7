import type { CommandModel } from "./model.ts";

/**
 * The tree is embedded as JSON, because PowerShell's hash tables ignore case, and -v is not -V. Missing properties are
 * null, because a profile may set strict mode. For Windows PowerShell 5.1 and PowerShell 7.
 */
export function powershellCompletion(models: readonly CommandModel[]): string {
  return `# PowerShell completion for feedctl. Generated from its command tree: do not edit.
Register-ArgumentCompleter -Native -CommandName @('feedctl', 'feedctl.cmd', 'feedctl.ps1') -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $tree = ConvertFrom-Json @'
[
${models.map((model) => JSON.stringify(model, (key, value: unknown) => (key === "repeatable" ? undefined : (value ?? null)))).join(",\n")}
]
'@
${WALK}}
`;
}

const WALK = String.raw`
    function Get-Place($path) {
        foreach ($place in $tree) { if ($place.path -ceq $path) { return $place } }
    }

    function Get-Option($place, $flag) {
        foreach ($option in $place.options) { if ($option.flags -ccontains $flag) { return $option } }
    }

    function Get-Argument($place, $position) {
        $all = @($place.arguments)
        if ($position -lt $all.Count) { return $all[$position] }
        if ($all.Count -gt 0 -and $all[-1].variadic) { return $all[-1] }
    }

    function New-Result($word, $description) {
        if (-not $word.StartsWith($typed, [StringComparison]::OrdinalIgnoreCase)) { return }
        $text = $lead + $word
        # unquoted, PowerShell would read @name as splatting
        if ($text.StartsWith('@')) { $text = "'" + $text + "'" }
        if (-not $description) { $description = $word }
        [System.Management.Automation.CompletionResult]::new($text, $word, 'ParameterValue', $description)
    }

    function Get-Name($what) {
        $binary = $words[0]
        foreach ($line in @(& $binary __complete @what @config 2>$null)) {
            $name, $description = $line -split [char]9, 2
            New-Result $name $description
        }
    }

    function Get-Value($value) {
        switch ($value.kind) {
            'choice' { foreach ($choice in $value.choices) { New-Result $choice.name $choice.description } }
            'feed' { Get-Name @('feeds') }
            'package' { if ($feed) { Get-Name @('packages', $feed, $typed) } }
            { $_ -in 'file', 'directory' } {
                foreach ($found in [System.Management.Automation.CompletionCompleters]::CompleteFilename($typed)) {
                    if ($_ -eq 'directory' -and $found.ResultType -ne 'ProviderContainer') { continue }
                    $text = $lead + $found.CompletionText
                    [System.Management.Automation.CompletionResult]::new($text, $found.ListItemText, $found.ResultType, $found.ToolTip)
                }
            }
        }
    }

    $words = @($commandAst.CommandElements | Where-Object { $_.Extent.EndOffset -lt $cursorPosition } |
        ForEach-Object { $_.Extent.Text.Trim([char[]]@([char]34, [char]39)) })
    $typed = $wordToComplete.Trim([char[]]@([char]34, [char]39))
    $lead = ''
    $place = Get-Place ''
    $position = 0
    $feed = ''
    $config = @()
    $option = $null
    $optionFlag = ''
    $argumentOnly = $false
    foreach ($word in ($words | Select-Object -Skip 1)) {
        if ($option) {
            if ($optionFlag -ceq '--config') { $config = @('--config', $word) }
            $option = $null
        } elseif ($word.StartsWith('-') -and $word -ne '-' -and -not $argumentOnly) {
            if ($word -eq '--') { $argumentOnly = $true }
            elseif ($word -clike '--config=*') { $config = @($word) }
            elseif ($word -notlike '--*=*') {
                $known = Get-Option $place $word
                if ($known -and $known.value) { $option = $known; $optionFlag = $word }
            }
        } elseif ($position -eq 0 -and @($place.commands | ForEach-Object { $_.name }) -ccontains $word) {
            $place = Get-Place ($place.path + ' ' + $word).Trim()
        } else {
            $argument = Get-Argument $place $position
            if ($argument -and $argument.value.kind -eq 'feed') { $feed = $word }
            $position++
        }
    }

    $results = @(
        if ($option) {
            Get-Value $option.value
        } elseif ($typed -like '--*=*' -and -not $argumentOnly) {
            $flag, $typed = $typed -split '=', 2
            $lead = $flag + '='
            Get-Value (Get-Option $place $flag).value
        } elseif ($typed.StartsWith('-') -and -not $argumentOnly) {
            foreach ($each in $place.options) { foreach ($flag in $each.flags) { New-Result $flag $each.description } }
        } else {
            if ($position -eq 0) { foreach ($each in $place.commands) { New-Result $each.name $each.description } }
            $argument = Get-Argument $place $position
            if ($argument) { Get-Value $argument.value }
        }
    )
    # without any result PowerShell would complete file names; an empty text stops it
    if ($results.Count -eq 0) { '' } else { $results }
`;
