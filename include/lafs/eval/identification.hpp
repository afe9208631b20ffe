// 1:N identification: a probe template is searched for in a gallery of templates. Scores are dot products.
//
// A probe is mated when its subject is in the gallery; its mate score is the largest of that subject's
// templates, its rank 1 + the templates of others that score as much or more (a tie counts against it).
//   rank k: share of the mated probes with rank <= k
//   TPIR at FPIR: share of the mated probes accepted at a threshold, strictly above it. Definitions in use:
//   pooled         galleries together; threshold: the ceil(FPIR probes)-th largest score of all pairs of a
//                  probe and another subject's template; rank does not matter (the InsightFace scripts)
//   pooled_maxima  as pooled, but of each probe only its largest such score counts for the threshold
//   per_gallery    each gallery alone; threshold: the ceil(FPIR n)-th largest of the largest scores of the n
//                  probes without a mate in it; accepted: rank 1 and above; rates averaged over the galleries
// Probes are taken in blocks: beside the galleries' and probes' features memory is O(probes).
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <lafs/core/error.hpp>
#include <lafs/core/threads.hpp>
#include <lafs/eval/ijb.hpp>
#include <limits>
#include <mutex>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace lafs::inline LAFS_ABI {

/// A gallery or the probes: templates and whom they show, as many of each. The caller keeps the lists.
struct IdentificationList {
    std::string name;
    std::span<const std::int64_t> templates, subjects;
};

struct IdentificationOptions {
    std::vector<double> fpir = {0.01, 0.1};
    std::vector<std::int64_t> ranks = {1, 5, 10};
};

/// TPIR at one FPIR. Without a value where the set cannot tell: no probe without a mate, or fewer impostor
/// scores than the quantile needs. Averages have no threshold.
struct TpirAtFpir {
    double fpir = 0;
    std::optional<double> tpir, threshold;
};

/// Share of the mated probes whose mate is among the first `rank`; without a value when none is mated.
struct RankRate {
    std::int64_t rank = 0;
    std::optional<double> rate;
};

/// One definition's figures, or one gallery's.
struct IdentificationResult {
    std::string name;
    std::size_t gallery_templates = 0, probes = 0, mated = 0;
    std::vector<TpirAtFpir> tpir;
    std::vector<RankRate> ranks;
};

/// All definitions, and the galleries that `per_gallery` is the average of.
struct Identification {
    IdentificationResult pooled, pooled_maxima, per_gallery;
    std::vector<IdentificationResult> galleries;
};

namespace detail {

/// What the search for one probe gave; rank 0: no mate.
struct SearchOutcome {
    double mate = 0, impostor = -std::numeric_limits<double>::infinity();
    std::int64_t rank = 0;
};

/// ceil(share * count) as arithmetic has it: 0.07 of 100 is 7, though in binary it is a little more.
inline std::size_t quantile_rank(double share, std::size_t count) {
    return static_cast<std::size_t>(std::ceil(share * static_cast<double>(count) - 1e-9));
}

/// The largest `count` of the values offered.
class LargestScores {
public:
    explicit LargestScores(std::size_t count) : count_(count) {}

    void add(double score) {
        if (count_ == 0 || score <= floor_)
            return;
        scores_.push_back(score);
        if (scores_.size() >= 2 * count_ + 1024)
            shrink();
    }
    void add(const LargestScores& other) {
        for (const double score : other.scores_)
            add(score);
    }
    /// Keeps none yet, and refuses what is not among the largest here.
    LargestScores empty_copy() const {
        LargestScores copy(count_);
        copy.floor_ = floor_;
        return copy;
    }

    /// Those kept, falling.
    std::vector<double> sorted() && {
        std::sort(scores_.begin(), scores_.end(), std::greater<>());
        scores_.resize(std::min(scores_.size(), count_));
        return std::move(scores_);
    }

private:
    void shrink() {
        const auto last = scores_.begin() + static_cast<std::ptrdiff_t>(count_ - 1);
        std::nth_element(scores_.begin(), last, scores_.end(), std::greater<>());
        scores_.resize(count_);
        floor_ = scores_.back();
    }

    std::size_t count_;
    double floor_ = -std::numeric_limits<double>::infinity();
    std::vector<double> scores_;
};

/// A gallery by subject, each template once.
class SearchGallery {
public:
    SearchGallery(const TemplateFeatures& features, std::span<const IdentificationList> lists)
        : features_(features) {
        for (const IdentificationList& list : lists) {
            require(list.templates.size() == list.subjects.size(), "identify", "got ", list.templates.size(),
                    " templates and ", list.subjects.size(), " subjects in \"", list.name,
                    "\", expected as many");
            for (std::size_t i = 0; i < list.templates.size(); ++i)
                entries_.emplace_back(list.templates[i], list.subjects[i]);
        }
        std::sort(entries_.begin(), entries_.end());
        entries_.erase(std::unique(entries_.begin(), entries_.end()), entries_.end());
        for (std::size_t i = 1; i < entries_.size(); ++i)
            require(entries_[i].first != entries_[i - 1].first, "identify", "template ", entries_[i].first,
                    " is listed for the subjects ", entries_[i - 1].second, " and ", entries_[i].second,
                    ", expected one subject");
        std::stable_sort(entries_.begin(), entries_.end(),
                         [](const auto& a, const auto& b) { return a.second < b.second; });
        for (const auto& [number, subject] : entries_)
            rows_.push_back(features.of(number).data());
    }

    std::size_t size() const { return rows_.size(); }

    /// Searches for a block of probes. `largest`, where given, is offered every impostor score.
    void search(std::span<const std::int64_t> templates, std::span<const std::int64_t> subjects,
                std::span<SearchOutcome> outcomes, LargestScores* largest) const {
        struct Probe {
            const double* row;
            std::size_t mates_begin, mates_end;
        };
        std::vector<Probe> probes;
        for (std::size_t i = 0; i < templates.size(); ++i) {
            const auto [first, last] =
                std::equal_range(entries_.begin(), entries_.end(), std::pair(std::int64_t{0}, subjects[i]),
                                 [](const auto& a, const auto& b) { return a.second < b.second; });
            probes.push_back({features_.of(templates[i]).data(),
                              static_cast<std::size_t>(first - entries_.begin()),
                              static_cast<std::size_t>(last - entries_.begin())});
            SearchOutcome& outcome = outcomes[i] = {};
            for (std::size_t g = probes[i].mates_begin; g < probes[i].mates_end; ++g) {
                const double score = dot(probes[i].row, g);
                outcome.mate = outcome.rank == 0 ? score : std::max(outcome.mate, score);
                outcome.rank = 1;
            }
        }
        for (std::size_t g = 0; g < rows_.size(); ++g)
            for (std::size_t i = 0; i < probes.size(); ++i) {
                if (g >= probes[i].mates_begin && g < probes[i].mates_end)
                    continue;
                const double score = dot(probes[i].row, g);
                outcomes[i].impostor = std::max(outcomes[i].impostor, score);
                outcomes[i].rank += outcomes[i].rank > 0 && score >= outcomes[i].mate;
                if (largest)
                    largest->add(score);
            }
    }

private:
    double dot(const double* row, std::size_t g) const { return pairwise_dot(row, rows_[g], features_.dim); }

    const TemplateFeatures& features_;
    std::vector<std::pair<std::int64_t, std::int64_t>> entries_;  // template and subject, by subject
    std::vector<const double*> rows_;                             // of the entries
};

/// Outcomes of all probes; `largest` is offered all impostor scores. The same for any number of threads:
/// which scores are the largest does not depend on the order in which they come.
inline std::vector<SearchOutcome> search_all(const SearchGallery& gallery, const IdentificationList& probes,
                                             LargestScores* largest) {
    constexpr std::int64_t block = 16;
    std::vector<SearchOutcome> outcomes(probes.templates.size());
    std::mutex merging;
    parallel_ranges(
        static_cast<std::int64_t>(outcomes.size()), block, [&](std::int64_t begin, std::int64_t end) {
            const auto first = static_cast<std::size_t>(begin), count = static_cast<std::size_t>(end - begin);
            std::optional<LargestScores> own;
            if (largest) {
                const std::lock_guard lock(merging);
                own = largest->empty_copy();
            }
            gallery.search(probes.templates.subspan(first, count), probes.subjects.subspan(first, count),
                           std::span(outcomes).subspan(first, count), own ? &*own : nullptr);
            if (largest) {
                const std::lock_guard lock(merging);
                largest->add(*own);
            }
        });
    return outcomes;
}

/// The `rank`-th largest of values that fall, if there are as many.
inline std::optional<double> at_rank(std::span<const double> falling, std::size_t rank) {
    if (rank == 0 || rank > falling.size())
        return std::nullopt;
    return falling[rank - 1];
}

/// Counts and rank rates; TPIR is left to the caller.
inline IdentificationResult rank_result(std::string name, const SearchGallery& gallery,
                                        std::span<const SearchOutcome> outcomes,
                                        const IdentificationOptions& options) {
    IdentificationResult result;
    result.name = std::move(name);
    result.gallery_templates = gallery.size();
    result.probes = outcomes.size();
    for (const SearchOutcome& outcome : outcomes)
        result.mated += outcome.rank > 0;
    for (const std::int64_t rank : options.ranks) {
        const auto found = std::count_if(outcomes.begin(), outcomes.end(),
                                         [&](const auto& o) { return o.rank > 0 && o.rank <= rank; });
        RankRate rate{rank, std::nullopt};
        if (result.mated > 0)
            rate.rate = static_cast<double>(found) / static_cast<double>(result.mated);
        result.ranks.push_back(rate);
    }
    return result;
}

/// Adds the share of the mated probes above the threshold, of those with a rank of at most `worst_rank`.
inline void add_tpir(IdentificationResult& result, std::span<const SearchOutcome> outcomes, double fpir,
                     std::optional<double> threshold, std::int64_t worst_rank) {
    TpirAtFpir point{fpir, std::nullopt, threshold};
    if (threshold && result.mated > 0) {
        const auto accepted = std::count_if(outcomes.begin(), outcomes.end(), [&](const auto& o) {
            return o.rank > 0 && o.rank <= worst_rank && o.mate > *threshold;
        });
        point.tpir = static_cast<double>(accepted) / static_cast<double>(result.mated);
    }
    result.tpir.push_back(point);
}

/// The largest impostor scores of the probes that `counts`, falling.
template <class Counts>
std::vector<double> falling_maxima(std::span<const SearchOutcome> outcomes, const Counts& counts) {
    std::vector<double> maxima;
    for (const SearchOutcome& outcome : outcomes)
        if (counts(outcome) && std::isfinite(outcome.impostor))
            maxima.push_back(outcome.impostor);
    std::sort(maxima.begin(), maxima.end(), std::greater<>());
    return maxima;
}

inline IdentificationResult identify_in_gallery(const TemplateFeatures& features,
                                                const IdentificationList& gallery,
                                                const IdentificationList& probes,
                                                const IdentificationOptions& options) {
    const SearchGallery search(features, std::span(&gallery, 1));
    const std::vector<SearchOutcome> outcomes = search_all(search, probes, nullptr);
    IdentificationResult result = rank_result(gallery.name, search, outcomes, options);
    const std::vector<double> maxima =
        falling_maxima(outcomes, [](const SearchOutcome& o) { return o.rank == 0; });
    for (const double fpir : options.fpir)
        add_tpir(result, outcomes, fpir, at_rank(maxima, quantile_rank(fpir, maxima.size())), 1);
    return result;
}

/// The mean over galleries of a rate, where each has one.
template <class Rate>
std::optional<double> mean_rate(std::span<const IdentificationResult> galleries, const Rate& rate) {
    double sum = 0;
    for (const IdentificationResult& gallery : galleries) {
        if (!rate(gallery))
            return std::nullopt;
        sum += *rate(gallery);
    }
    return sum / static_cast<double>(galleries.size());
}

inline IdentificationResult average(std::span<const IdentificationResult> galleries,
                                    const IdentificationOptions& options) {
    IdentificationResult result;
    result.name = "per_gallery";
    result.probes = galleries.front().probes;
    for (const IdentificationResult& gallery : galleries) {
        result.gallery_templates += gallery.gallery_templates;
        result.mated += gallery.mated;
    }
    for (std::size_t k = 0; k < options.fpir.size(); ++k)
        result.tpir.push_back(
            {options.fpir[k], mean_rate(galleries, [&](const auto& g) { return g.tpir[k].tpir; }), {}});
    for (std::size_t k = 0; k < options.ranks.size(); ++k)
        result.ranks.push_back(
            {options.ranks[k], mean_rate(galleries, [&](const auto& g) { return g.ranks[k].rate; })});
    return result;
}

}  // namespace detail

/// Searches all probes in all galleries, each definition above. Throws for unknown templates, lists of other
/// lengths, no galleries or probes, a template of two subjects, rates outside (0, 1) and ranks below 1.
inline Identification identify(const TemplateFeatures& features,
                               std::span<const IdentificationList> galleries,
                               const IdentificationList& probes, const IdentificationOptions& options = {}) {
    require(
        !galleries.empty() && !probes.templates.empty() && probes.templates.size() == probes.subjects.size(),
        "identify", "got ", galleries.size(), " galleries, ", probes.templates.size(),
        " probe templates and ", probes.subjects.size(),
        " probe subjects, expected some, and a subject for each template");
    std::size_t most = 0;
    for (const double fpir : options.fpir) {
        require(fpir > 0.0 && fpir < 1.0, "identify", "got FPIR ", fpir, ", expected between 0 and 1");
        most = std::max(most, detail::quantile_rank(fpir, probes.templates.size()));
    }
    for (const std::int64_t rank : options.ranks)
        require(rank >= 1, "identify", "got rank ", rank, ", expected 1 or more");

    const detail::SearchGallery together(features, galleries);
    detail::LargestScores largest(most);
    const std::vector<detail::SearchOutcome> outcomes = detail::search_all(together, probes, &largest);
    const std::vector<double> impostors = std::move(largest).sorted();
    const std::vector<double> maxima =
        detail::falling_maxima(outcomes, [](const detail::SearchOutcome&) { return true; });
    Identification result;
    result.pooled = detail::rank_result("pooled", together, outcomes, options);
    result.pooled_maxima = result.pooled;
    result.pooled_maxima.name = "pooled_maxima";
    constexpr std::int64_t any_rank = std::numeric_limits<std::int64_t>::max();
    for (const double fpir : options.fpir) {
        const std::size_t rank = detail::quantile_rank(fpir, outcomes.size());
        detail::add_tpir(result.pooled, outcomes, fpir, detail::at_rank(impostors, rank), any_rank);
        detail::add_tpir(result.pooled_maxima, outcomes, fpir, detail::at_rank(maxima, rank), any_rank);
    }
    for (const IdentificationList& gallery : galleries)
        result.galleries.push_back(detail::identify_in_gallery(features, gallery, probes, options));
    result.per_gallery = detail::average(result.galleries, options);
    return result;
}

}  // namespace lafs::inline LAFS_ABI
