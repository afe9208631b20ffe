// The loss of DINO (Caron et al., arXiv 2104.14294), as LAFS uses it.
//
// With teacher logits t of the two global views and student logits s of all views of an image, the loss is
// the mean over the images and over the pairs (q, v), q a global view, v any other view, of
//
//   - sum_k softmax((t_q - c) / temperature_t)_k log softmax(s_v / temperature_s)_k
//
// and afterwards the centre moves: c <- momentum c + (1 - momentum) mean t.
//
// Logits are the products of the heads' rows z with K prototypes. For K = 100 000 they do not fit: tiles of
// prototypes are computed, used (streamed log sum exp) and forgotten, and computed again by the backward
// pass. Gradients go to the student's z and directions; the weight normalisation is part of it.
#pragma once

#include <concepts>
#include <lafs/autograd/expression.hpp>
#include <lafs/backend/cpu/dino_loss.hpp>
#include <lafs/nn/module.hpp>

namespace lafs::inline LAFS_ABI {

/// What a head gives to the loss: rows of its bottleneck, and its last layer. The logits are
/// z . directions_k gains_k / |directions_k|.
template <class T, class D = Cpu>
struct Prototypes {
    Variable<T, D> z;           ///< (views x batch, F), view by view
    Variable<T, D> directions;  ///< `last_layer.weight_v`, (K, F)
    Tensor<T, D> gains;         ///< `last_layer.weight_g`, (K, 1), no gradient; undefined: 1
};

/// The loss, and what tells a collapse (see ssl/collapse_monitor.hpp): tensors of one element on the device;
/// `item()` waits for it.
template <class T, class D = Cpu>
struct DinoResult {
    Variable<T, D> loss;
    Tensor<double, D> teacher_entropy;  ///< mean over the rows, 0 .. ln K
    Tensor<double, D> kl_to_uniform;    ///< ln K - entropy
    Tensor<double, D> centre_norm;      ///< of the centre after this step
};

struct DinoLossOptions {
    double student_temperature = 0.1, centre_momentum = 0.9;
};

/// See the top of the file. The centre is a buffer of the published name "center", (1, K).
template <std::floating_point T, class D = Cpu>
class DinoLoss : public Module<T, D> {
public:
    /// Throws for sizes, temperatures or a momentum that make no sense.
    explicit DinoLoss(std::int64_t prototypes, const DinoLossOptions& options = {}) : options_(options) {
        require(prototypes > 0, "dino_loss", "got ", prototypes, " prototypes, expected at least 1");
        require(
            options.student_temperature > 0 && options.centre_momentum >= 0 && options.centre_momentum <= 1,
            "dino_loss", "got student temperature ", options.student_temperature, " and centre momentum ",
            options.centre_momentum, ", expected above 0 and 0 .. 1");
        centre = Tensor<T, D>::zeros({1, prototypes});
    }

    void visit(Visitor<T, D>& visitor) override { visitor.buffer("center", centre); }

    /// The loss of student rows (views x batch, F), the two global views first, and teacher rows
    /// (2 x batch, F); then moves the centre. Throws when shapes do not fit.
    DinoResult<T, D> forward(const Prototypes<T, D>& student, const Prototypes<T, D>& teacher,
                             double teacher_temperature) {
        const DinoSizes sizes = sizes_of(student, teacher);
        require(teacher_temperature > 0, "dino_loss", "got teacher temperature ", teacher_temperature,
                ", expected above 0");
        DinoResult<T, D> result;
        result.teacher_entropy = Tensor<double, D>::empty({});
        const auto value = Tensor<T, D>::empty({});
        const Handle<Saved> saved(new Saved(*this, sizes, student, teacher, teacher_temperature));
        dino_forward(D{}, sizes, saved->network(student, saved->student_scales),
                     saved->network(teacher, saved->teacher_scales), saved->centre.data(),
                     saved->temperatures, saved->forward(value.data(), result.teacher_entropy.data()));
        move_centre(saved->teacher_logit_sums, sizes.teacher_rows());
        result.kl_to_uniform = std::log(static_cast<double>(sizes.prototypes)) - result.teacher_entropy;
        result.centre_norm = Tensor<double, D>::empty({});
        dino_centre_norm(D{}, sizes.prototypes, centre.data(), result.centre_norm.data());
        result.loss = record(value, {student.z, student.directions}, [saved](const Tensor<T, D>& g) {
            dino_backward(D{}, saved->sizes, saved->network(saved->student, saved->student_scales),
                          saved->network(saved->teacher, saved->teacher_scales), saved->centre.data(),
                          saved->temperatures, saved->forward(nullptr, nullptr), g.data(),
                          saved->student.z.gradient_target(), saved->student.directions.gradient_target());
        });
        return result;
    }

    Tensor<T, D> centre;

private:
    /// What the backward pass needs.
    struct Saved : Counted {
        Saved(const DinoLoss& loss, const DinoSizes& s, const Prototypes<T, D>& of_student,
              const Prototypes<T, D>& of_teacher, double temperature)
            : sizes(s),
              student(of_student),
              teacher(of_teacher),
              centre(loss.centre),
              temperatures{static_cast<T>(loss.options_.student_temperature), static_cast<T>(temperature)} {}

        DinoNetwork<T> network(const Prototypes<T, D>& of, const Tensor<T, D>& scales) const {
            return {of.z.data(), of.directions.data(), of.gains.data(), scales.data()};
        }

        DinoForward<T> forward(T* loss, double* entropy) const {
            return {student_log_sums.data(), teacher_log_sums.data(), teacher_logit_sums.data(), loss,
                    entropy};
        }

        DinoSizes sizes;
        Prototypes<T, D> student, teacher;
        Tensor<T, D> centre;  // as it was
        DinoTemperatures<T> temperatures;
        Tensor<T, D> student_scales = Tensor<T, D>::empty({sizes.prototypes}),
                     teacher_scales = Tensor<T, D>::empty({sizes.prototypes}),
                     teacher_logit_sums = Tensor<T, D>::empty({sizes.prototypes}),
                     student_log_sums = Tensor<T, D>::empty({sizes.student_rows()}),
                     teacher_log_sums = Tensor<T, D>::empty({sizes.teacher_rows()});
    };

    DinoSizes sizes_of(const Prototypes<T, D>& student, const Prototypes<T, D>& teacher) const {
        const Shape &s = student.z.shape(), &t = teacher.z.shape(), &w = student.directions.shape();
        require(s.rank() == 2 && t.rank() == 2 && t[0] > 0 && t[0] % 2 == 0 && s[0] % (t[0] / 2) == 0 &&
                    s[0] >= t[0] && s[1] == t[1],
                "dino_loss", "got student rows ", s, " and teacher rows ", t,
                ", expected (views x batch, F) with at least 2 views, and (2 x batch, F)");
        require(w == Shape({centre.shape(1), s[1]}) && teacher.directions.shape() == w, "dino_loss",
                "got directions ", w, " and ", teacher.directions.shape(), ", expected ",
                Shape{centre.shape(1), s[1]});
        for (const auto* network : {&student, &teacher})
            require(!network->gains.defined() || network->gains.size() == w[0], "dino_loss", "got gains ",
                    network->gains.shape(), ", expected ", w[0]);
        return {t[0] / 2, s[0] / (t[0] / 2), w[0], w[1]};
    }

    /// The centre gets new memory: the backward pass still needs the old one.
    void move_centre(const Tensor<T, D>& sums, std::int64_t rows) {
        const double momentum = options_.centre_momentum;
        centre = centre * momentum + sums * ((1.0 - momentum) / static_cast<double>(rows));
    }

    DinoLossOptions options_;
};

}  // namespace lafs::inline LAFS_ABI
